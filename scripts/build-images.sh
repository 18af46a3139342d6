#!/bin/sh
# Builds the sandbox images that are missing or whose files have changed. Each has two tags: `latest`, which the bot opens
# sandboxes from, and a hash of the files it was made of, by which a second run knows that there is nothing to do.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'set-up: %s\n' "$*"; }
fail() { printf 'set-up: %s\n' "$*" >&2; exit 1; }

digest() { cat "$@" | sha256sum | cut -c 1-12; }
exists() { docker image inspect "$1" >/dev/null 2>&1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

# Where a registry answers the base is pulled; where none does it is bootstrapped from Debian's packages.
registry_base=debian:bookworm-slim
local_base=devstral-sandbox/debian:bookworm

base_image() {
  if exists "$local_base"; then echo "$local_base"; return; fi
  if exists "$registry_base" || timeout 60 docker pull -q "$registry_base" >/dev/null 2>&1; then echo "$registry_base"; return; fi
  bootstrap >&2
  echo "$local_base"
}

bootstrap() {
  say 'no image registry answers; making the base image from Debian packages (about half a minute)'
  if ! command -v mmdebstrap >/dev/null 2>&1; then
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 ||
      fail 'the base image cannot be made: no image registry answers and mmdebstrap is missing. Install mmdebstrap, or docker pull debian:bookworm-slim once.'
    say 'installing mmdebstrap'
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap >/dev/null
  fi
  mmdebstrap --quiet --variant=minbase bookworm "$work/base.tar" ||
    fail 'mmdebstrap could not make the base image; Debian packages must be reachable.'
  docker import --change 'CMD ["/bin/bash"]' "$work/base.tar" "$local_base" >/dev/null
  rm -f "$work/base.tar"
}

build() { # name, hash, context folder, base tag
  say "building the sandbox image $1"
  docker build --quiet --build-arg "BASE=$4" -t "devstral-sandbox/$1:$2" -t "devstral-sandbox/$1:latest" "$3" >"$work/build.log" 2>&1 ||
    { tail -n 30 "$work/build.log" >&2; fail "the sandbox image $1 could not be built; the lines above say why."; }
}

current() { # name, hash: is it there, and is it what `latest` means?
  exists "devstral-sandbox/$1:$2" && exists "devstral-sandbox/$1:latest" &&
    [ "$(docker image inspect -f '{{.Id}}' "devstral-sandbox/$1:$2")" = "$(docker image inspect -f '{{.Id}}' "devstral-sandbox/$1:latest")" ]
}

context() { # name: a folder that holds its Dockerfile alone
  mkdir -p "$work/$1"
  cp "sandbox/Dockerfile.$1" "$work/$1/Dockerfile"
}

base_hash=$(digest sandbox/Dockerfile.base)
node_hash=$(printf '%s' "$base_hash" | cat - sandbox/Dockerfile.node package-lock.json | sha256sum | cut -c 1-12)
python_hash=$(printf '%s' "$base_hash" | cat - sandbox/Dockerfile.python | sha256sum | cut -c 1-12)

if ! current base "$base_hash"; then
  context base
  : >"$work/base/extra-ca.crt"
  if [ -n "${NODE_EXTRA_CA_CERTS:-}" ] && [ -r "$NODE_EXTRA_CA_CERTS" ]; then
    say 'the images trust the certificate authorities of NODE_EXTRA_CA_CERTS too'
    cp "$NODE_EXTRA_CA_CERTS" "$work/base/extra-ca.crt"
  fi
  build base "$base_hash" "$work/base" "$(base_image)"
fi
if ! current node "$node_hash"; then
  context node
  # The binary that this project runs on itself; npm comes from its registry.
  cp -L node_modules/node/bin/node "$work/node/node"
  (cd "$work/node" && npm pack npm@11 --silent >/dev/null && mv npm-*.tgz npm.tgz) || fail 'npm could not fetch npm@11 for the image.'
  build node "$node_hash" "$work/node" "devstral-sandbox/base:$base_hash"
fi
if ! current python "$python_hash"; then
  context python
  build python "$python_hash" "$work/python" "devstral-sandbox/base:$base_hash"
fi
