# shellcheck shell=bash
# shellcheck disable=SC2034 # used by the files that ./dev sources after this one
# What every sub-command of ./dev shares: messages, the Go toolchain, Debian packages, the list of
# modules and workers. Sourced by ./dev, which has set ROOT and changed into it.

# Versions of the tools that are built from the module mirror. golangci-lint and govulncheck move
# alone; the generators move with the libraries in go.mod.
readonly GOLANGCI_LINT=github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
readonly GOVULNCHECK=golang.org/x/vuln/cmd/govulncheck@v1.9.0
readonly BUF=github.com/bufbuild/buf/cmd/buf@v1.73.0
readonly PROTOC_GEN_GO=google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
readonly PROTOC_GEN_GO_GRPC=google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2

# The oldest Go that builds the project (go.mod says the same).
readonly GO_MAJOR=1 GO_MINOR=26

# Packages that building and running need: engines, encoder, and a C compiler for the workers.
readonly PACKAGES=(
  espeak-ng libespeak-ng-dev flite flite1-dev libmp3lame-dev gcc libc6-dev pkg-config ca-certificates
)

# The workers that bind a C library: the header each includes, and the package that has it.
# A worker that is not listed builds without one.
declare -rA WORKER_HEADER=(
  [espeak]=espeak-ng/speak_lib.h
  [flite]=flite/flite.h
  [codec]=lame/lame.h
)
declare -rA WORKER_PACKAGE=(
  [espeak]=libespeak-ng-dev
  [flite]=flite1-dev
  [codec]=libmp3lame-dev
)

say() { printf '==> %s\n' "$*"; }
warn() { printf '==> %s\n' "$*" >&2; }
die() {
  printf 'dev: %s\n' "$*" >&2
  exit 1
}

cache_dir() { printf '%s\n' "${XDG_CACHE_HOME:-$HOME/.cache}/orotund"; }

# find_go puts Go on PATH, refuses one that is too old, and fixes the settings that decide what a
# build contains, whatever the caller's environment says.
find_go() {
  command -v go >/dev/null || PATH=$PATH:/usr/local/go/bin
  command -v go >/dev/null || die "Go is not installed: Go $GO_MAJOR.$GO_MINOR or newer is needed (on PATH or in /usr/local/go)"
  export GOTOOLCHAIN=local GOWORK=off
  # The last flag of a name wins, so a caller's GOFLAGS stays in force for everything else. The
  # version is stamped by -ldflags: Go's own stamp fails in a clone that another user owns.
  export GOFLAGS="${GOFLAGS:+$GOFLAGS }-mod=readonly -buildvcs=false"
  local version major minor
  version=$(cd / && go env GOVERSION)
  IFS=. read -r major minor _ <<<"${version#go}"
  minor=${minor%%[!0-9]*}
  if ((major < GO_MAJOR || (major == GO_MAJOR && ${minor:-0} < GO_MINOR))); then
    die "$(command -v go) is $version: Go $GO_MAJOR.$GO_MINOR or newer is needed"
  fi
}

# missing_packages prints those of its arguments that are not installed, one a line.
missing_packages() {
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || printf '%s\n' "$package"
  done
}

# as_root runs a command as root: directly, or through sudo where that asks for no password.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  else
    sudo -n "$@"
  fi
}

can_be_root() { [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null; }

apt_install() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

# install_packages installs what is missing of its arguments. Where that cannot be done it names
# the packages and returns 0: what can be built and tested without them still is.
install_packages() {
  local -a missing
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    warn "no apt here: make sure that these Debian packages' like are installed: $*"
    return 0
  fi
  mapfile -t missing < <(missing_packages "$@")
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "${OROTUND_DEV_INSTALL:-yes}" = no ] || ! can_be_root; then
    warn "missing packages: ${missing[*]}"
    warn "to install them, as root: apt-get install --no-install-recommends ${missing[*]}"
    warn "going on with what is there"
    return 0
  fi
  say "installing ${missing[*]}"
  # Package lists may be absent (a fresh system) or older than the archive; only then refresh them.
  if apt_install "${missing[@]}" </dev/null >/dev/null 2>&1; then
    return 0
  fi
  as_root apt-get update -q </dev/null
  apt_install "${missing[@]}" </dev/null ||
    warn "apt-get failed (above); missing: $(missing_packages "$@" | tr '\n' ' '); going on with what is there"
}

# has_cc reports whether C programs can be compiled (a compiler and the C library's headers).
has_cc() {
  local cc
  cc=$(go env CC)
  command -v "${cc%% *}" >/dev/null && echo '#include <stdlib.h>' | $cc -E -x c - >/dev/null 2>&1
}

has_header() { printf '#include <stdio.h>\n#include <%s>\n' "$1" | $(go env CC) -E -x c - >/dev/null 2>&1; }

# why_no_worker prints why a worker cannot be built here, or nothing.
why_no_worker() {
  local header=${WORKER_HEADER[$1]:-}
  if ! has_cc; then
    echo "no C compiler (packages gcc, libc6-dev)"
  elif [ -n "$header" ] && ! has_header "$header"; then
    echo "no $header (package ${WORKER_PACKAGE[$1]})"
  fi
}

# workers prints the names of the worker modules.
workers() {
  local module
  for module in workers/*/go.mod; do
    [ ! -e "$module" ] || basename "$(dirname "$module")"
  done
}

# buildable_modules prints the folder of every module that can be compiled here, the main one
# first. What is left out is said on standard error.
buildable_modules() {
  local module why
  echo .
  for module in workers/*/go.mod tools/*/go.mod; do
    [ -e "$module" ] || continue
    module=$(dirname "$module")
    if [[ $module == workers/* ]]; then
      why=$(why_no_worker "${module#workers/}")
      if [ -n "$why" ]; then
        warn "skipped: $module: $why"
        continue
      fi
    fi
    echo "$module"
  done
}

# tool MODULE@VERSION builds a Go tool into the cache folder, once a version, and prints its path.
tool() {
  local name version dir
  version=${1##*@}
  name=$(basename "${1%@*}")
  dir=$(cache_dir)/tools/$name-$version-$(go env GOVERSION)
  if [ ! -x "$dir/$name" ]; then
    warn "building $name $version (once)"
    GOBIN="$dir" GOFLAGS='' go install "$1" >&2 || return 1
  fi
  printf '%s\n' "$dir/$name"
}
