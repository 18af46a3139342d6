#!/bin/sh
# Makes this machine ready for the npm scripts, which call it first. It runs before Node 24 is there: plain shell.
#
#   set-up.sh            packages, a Docker Engine, the sandbox images
#   set-up.sh packages   packages only
#   set-up.sh test       all of the first, and what only the tests need: PostgreSQL's server and Chromium
#
# What is there already is left alone and not mentioned; what it installs it announces; what it cannot do ends in one
# message that says what to do. DEVSTRAL_DOCKERD_LOG is where an engine that it starts writes its log.
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
  # With the development packages whatever NODE_ENV says: Node 24 itself is one of them.
  npm ci --include=dev --no-audit --no-fund --loglevel=error || fail 'npm ci failed; the lines above say why.'
  node_modules/.bin/node --version >/dev/null 2>&1 ||
    fail 'the package "node" did not bring its program. Its install script must run: npm config set ignore-scripts false, then try again.'
  printf '%s\n' "$wanted" >"$stamp"
}

is_root() { [ "$(id -u)" = 0 ]; }
has() { command -v "$1" >/dev/null 2>&1; }
may_install() { is_root && has apt-get; }

install() { # packages of Debian
  say "installing with apt-get: $*"
  if [ -z "${lists_fresh:-}" ]; then
    # One broken source of many is no reason to stop: the packages may be in another.
    apt-get update -qq >/dev/null || say 'apt-get update failed; going on with the package lists that are there'
    lists_fresh=yes
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
    fail "apt-get could not install $*; the lines above say why."
}

engine_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

engine() {
  answer=$(docker version --format '{{.Server.Version}}' 2>&1) && return
  [ -z "${DOCKER_HOST:-}" ] ||
    fail "the Docker Engine at DOCKER_HOST ($DOCKER_HOST) does not answer; start it, or unset DOCKER_HOST."
  case $answer in
    *'permission denied'*) fail "the Docker Engine is there but refuses this user; add the user to the group docker and log in again, or run this as root." ;;
  esac
  is_root && { has dockerd || has apt-get; } ||
    fail 'no Docker Engine answers, and it takes root on a machine with apt-get to install one here. Install Docker, start it, and see that "docker version" shows a server.'
  has dockerd || install docker.io iptables
  # Newer releases of Debian keep the client apart from the engine.
  has docker || install docker-cli
  start_engine
}

start_engine() {
  if [ -d /run/systemd/system ] && has systemctl; then
    say 'starting the Docker Engine with systemctl'
    systemctl start docker || fail 'the Docker Engine did not start; "journalctl -u docker" says why.'
    wait_for_engine || fail 'the Docker Engine does not answer; "journalctl -u docker" says why.'
    return
  fi
  log=${DEVSTRAL_DOCKERD_LOG:-/var/log/devstral-dockerd.log}
  say "starting the Docker Engine (log: $log)"
  run_dockerd && return
  blames_iptables || engine_failed
  if has iptables-legacy; then
    say 'the Docker Engine cannot use nftables here; trying again with the older iptables'
    # For this engine alone: the machine's own choice between the two stays as it is.
    legacy=$(dirname "$log")/devstral-iptables
    mkdir -p "$legacy"
    for name in iptables ip6tables; do ln -sf "$(command -v $name-legacy)" "$legacy/$name"; done
    PATH=$legacy:$PATH run_dockerd && return
    rm -r "$legacy"
    blames_iptables || engine_failed
  fi
  say 'the Docker Engine cannot use iptables here; trying again without: installing what a repository needs will have no network'
  run_dockerd --iptables=false --ip6tables=false --ip-masq=false || engine_failed
}

blames_iptables() { grep -qi 'iptables\|ip6tables\|nf_tables' "$log"; }

engine_failed() {
  tail -n 5 "$log" >&2
  fail "the Docker Engine did not start; the lines above, from $log, say why."
}

run_dockerd() { # options
  # Detached from this terminal and from our standard output, so that whoever waits for us is not kept waiting by it.
  setsid nohup dockerd "$@" >"$log" 2>&1 </dev/null &
  wait_for_engine $!
}

wait_for_engine() { # process that brings it, if we started it; up to 30 seconds
  tries=0
  while [ $tries -lt 60 ]; do
    engine_answers && return 0
    [ -z "${1:-}" ] || kill -0 "$1" 2>/dev/null || return 1
    tries=$((tries + 1))
    sleep 0.5
  done
  return 1
}

postgres_server() {
  for program in /usr/lib/postgresql/*/bin/initdb; do
    if [ -x "$program" ]; then return; fi
  done
  has initdb && return
  may_install || fail 'the tests start a PostgreSQL server for themselves (initdb, pg_ctl); install PostgreSQL.'
  install postgresql
}

browser() {
  has chromium && return
  may_install || fail 'the tests look at pages in a real browser; install chromium.'
  install chromium
}

case $part in all | packages | test) ;; *) fail "\"$part\" is no part of set-up; it is packages, test, or nothing." ;; esac
packages
[ "$part" = packages ] && exit 0
engine
sh scripts/build-images.sh
[ "$part" = test ] || exit 0
postgres_server
browser
