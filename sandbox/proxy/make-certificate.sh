# make-certificate.sh <names>: an authority for one set-up, and a certificate of it for these names (`DNS:host,IP:address`).
# Prints the authority's certificate; its key is gone afterwards, so that it never speaks for another name.
set -eu
umask 077
cd "${2:-/keys}"
cat >settings <<END
[req]
distinguished_name = subject
prompt = no
[subject]
CN = devstral set-up authority
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = $1
END
make() {
  openssl req -x509 -config settings -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "$@" 2>errors ||
    { cat errors >&2; exit 1; }
}
make -extensions authority -keyout authority.key -out authority.crt
make -extensions server -subj '/CN=devstral set-up proxy' -CA authority.crt -CAkey authority.key -keyout server.key -out server.crt
rm authority.key
cat authority.crt
