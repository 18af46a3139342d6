# The bot itself, in a container; compose.yaml says how to run it. The images that runs work in are under sandbox/.
ARG BASE=node:24-bookworm-slim
FROM ${BASE}
USER root
# git: the bot keeps mirrors of the repositories. extra-ca.crt: put the certificate authority of an intercepting proxy
# beside this file before the build, and the bot trusts it; without one there is nothing to copy and nothing changes.
COPY LICENSE extra-ca.cr[t] /usr/local/share/ca-certificates/
RUN rm /usr/local/share/ca-certificates/LICENSE \
 && apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates git \
 && update-ca-certificates \
 && apt-get clean && rm -rf /var/lib/apt/lists/*
# What the image trusts is what Node, git and the set-up of repositories trust.
ENV NODE_ENV=production NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
RUN groupadd --gid 10003 devstral \
 && useradd --uid 10003 --gid 10003 --create-home --shell /usr/sbin/nologin devstral \
 && install -d -o devstral -g devstral -m 0700 /data
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error && rm -rf /root/.npm
COPY . .
USER devstral
ENV HOST=0.0.0.0 PORT=3000 DEVSTRAL_DATA=/data
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# The memory flags are those of `npm start`: a worker waits more than it computes, so it collects its garbage early.
CMD ["node", "--max-semi-space-size=8", "--heap-growing-percent=30", "src/main.ts", "serve"]
