# shellcheck shell=bash
# ./dev gen: the files that are made from others: api/gen from the .proto files, and the table of
# third-party licences from the modules. "./dev lint" fails when either is out of date.

# with_buf runs buf in api/ with the generators of the pinned versions, and no others, on PATH.
with_buf() (
  local buf go grpc
  buf=$(tool "$BUF") && go=$(tool "$PROTOC_GEN_GO") && grpc=$(tool "$PROTOC_GEN_GO_GRPC") || exit 1
  PATH=$(dirname "$go"):$(dirname "$grpc"):$PATH
  cd "$ROOT/api" || exit
  "$buf" "$@"
)

# check_api fails on a .proto file that breaks buf's rules, and when api/gen is not what it makes.
check_api() (
  local made
  made=$(mktemp -d)
  # shellcheck disable=SC2064 # the name of now
  trap "rm -rf '$made'" EXIT
  with_buf lint && with_buf generate --output "$made" || exit 1
  diff -r -q "$made/gen" "$ROOT/api/gen" || {
    warn "api/gen is not what the .proto files make: run ./dev gen"
    exit 1
  }
)

# licences runs the licence checker; without arguments it writes the table.
licences() (
  cd "$ROOT/tools/licences" || exit
  go run . -root "$ROOT" "$@"
)

main() {
  find_go
  with_buf lint
  say "api/gen"
  with_buf generate --clean
  say "docs/third-party.md"
  licences -write
}
