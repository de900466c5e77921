# shellcheck shell=bash
# ./dev build: the static main binary and the workers.

# version is what "orotund version" prints: the nearest tag, the commits since, the commit, and
# whether the tree had changes; "dev" outside a repository.
version() { git -C "$ROOT" describe --tags --always --dirty 2>/dev/null || echo dev; }

build_main() {
  say "build bin/orotund"
  CGO_ENABLED=0 go build -trimpath \
    -ldflags "-s -w -X github.com/orotund/orotund/internal/app.Version=$(version)" \
    -o bin/orotund ./cmd/orotund
  check_static bin/orotund
}

# check_static fails unless the program needs no shared library and no loader. Go's own record is
# read first: it holds for every target, also where ldd does not know the file.
check_static() {
  go version -m "$1" | grep -q 'CGO_ENABLED=0' || die "$1 was built with cgo"
  command -v ldd >/dev/null || return 0
  local needs
  needs=$(ldd "$1" 2>&1 || true)
  case $needs in
  *"not a dynamic executable"* | *"statically linked"*) ;;
  *) die "$1 is not static: $needs" ;;
  esac
}

build_worker() {
  local why
  why=$(why_no_worker "$1")
  if [ -n "$why" ]; then
    rm -f "bin/orotund-worker-$1"
    warn "skipped: worker $1: $why"
    return 0
  fi
  say "build bin/orotund-worker-$1"
  (cd "workers/$1" && CGO_ENABLED=1 go build -trimpath -ldflags '-s -w' -o "$ROOT/bin/orotund-worker-$1" .)
}

build_all() {
  local worker
  mkdir -p bin
  build_main
  for worker in $(workers); do build_worker "$worker"; done
}

main() {
  find_go
  install_packages "${PACKAGES[@]}"
  build_all
}
