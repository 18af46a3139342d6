#!/bin/sh
# Makes this machine ready for the npm scripts, which call it first. It runs before Node 24 is there: plain shell.
#
#   set-up.sh            packages, a Docker Engine, the sandbox images
#   set-up.sh packages   packages only
#   set-up.sh test       all of the first, and what only the tests need: PostgreSQL's server and Chromium
#
# What is there already is left alone and not mentioned; what it installs it announces; what it cannot do ends in one
# message that says what to do.
set -eu
cd "$(dirname "$0")/.."
part=${1:-all}

say() { printf 'set-up: %s\n' "$*"; }
fail() { printf 'set-up: %s\n' "$*" >&2; exit 1; }

packages() {
  stamp=node_modules/.devstral-set-up
  wanted=$(cksum <package-lock.json)
  [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
  command -v npm >/dev/null 2>&1 || fail 'npm is missing; install Node.js 20 or newer, which brings it.'
  say 'installing packages with npm ci'
  npm ci --no-audit --no-fund --loglevel=error || fail 'npm ci failed; the lines above say why.'
  printf '%s\n' "$wanted" >"$stamp"
}

may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; }

install() { # packages of Debian
  say "installing with apt-get: $*"
  [ -n "${lists_fresh:-}" ] || { apt-get update -qq >/dev/null || fail 'apt-get update failed; the lines above say why.'; lists_fresh=yes; }
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
    fail "apt-get could not install $*; the lines above say why."
}

engine_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

engine() {
  engine_answers && return
  [ -z "${DOCKER_HOST:-}" ] || fail "the Docker Engine at DOCKER_HOST ($DOCKER_HOST) does not answer; start it, or unset DOCKER_HOST."
  may_install || fail 'no Docker Engine answers, and it takes root on a machine with apt-get to install one here. Install Docker, start it, and see that "docker version" shows a server.'
  command -v dockerd >/dev/null 2>&1 || install docker.io iptables
  log=${TMPDIR:-/tmp}/devstral-dockerd.log
  start_engine "$log" || {
    say 'the engine did not start as usual; trying without iptables (set-up of repositories will have no network)'
    start_engine "$log" --iptables=false --bridge=none
  } || fail "the Docker Engine did not start; the last lines of $log say why."
}

start_engine() { # log, options of dockerd
  log_file=$1
  shift
  say "starting the Docker Engine (log: $log_file)"
  # Detached from this terminal and from our standard output, so that whoever waits for us is not kept waiting by it.
  setsid nohup dockerd "$@" >"$log_file" 2>&1 </dev/null &
  tries=0
  while [ $tries -lt 60 ]; do
    engine_answers && return 0
    kill -0 $! 2>/dev/null || return 1
    tries=$((tries + 1))
    sleep 0.5
  done
  return 1
}

postgres_server() {
  for folder in /usr/lib/postgresql/*/bin; do [ -x "$folder/initdb" ] && return; done
  command -v initdb >/dev/null 2>&1 && return
  may_install || fail 'the tests need a PostgreSQL server to start for themselves (initdb, pg_ctl); install PostgreSQL.'
  install postgresql
}

browser() {
  command -v chromium >/dev/null 2>&1 && return
  may_install || fail 'the tests look at pages in a real browser; install chromium.'
  install chromium
}

packages
[ "$part" = packages ] && exit 0
engine
sh scripts/build-images.sh
[ "$part" = test ] || exit 0
postgres_server
browser
