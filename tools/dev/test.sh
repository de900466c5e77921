# shellcheck shell=bash
# ./dev test: every test of the project. All parts run even when one fails, so that one run shows
# everything; the result is said last.
# shellcheck source=tools/dev/build.sh
source tools/dev/build.sh

failed=()
race=()

# part NAME COMMAND…: runs one part, keeps its name when it fails.
part() {
  local name=$1 start=$SECONDS
  shift
  say "test $name"
  "$@" || failed+=("$name")
  say "test $name: $((SECONDS - start)) s"
}

# in_module FOLDER: the unit tests of one module.
in_module() (
  cd "$1" || exit
  go test "${race[@]}" -timeout 8m "${@:2}"
)

# end_to_end runs ./test against the program as it ships. Results are never taken from the cache:
# Go does not see that the binaries changed.
end_to_end() { OROTUND_TEST_BIN=$ROOT/bin go test -count=1 -timeout 8m ./test/...; }

main() {
  local module modules packages
  find_go
  install_packages "${PACKAGES[@]}"
  build_all
  if has_cc; then
    race=(-race)
    export CGO_ENABLED=1
  else
    warn "no C compiler: the tests run without the race detector"
  fi
  modules=$(buildable_modules)
  for module in $modules; do
    if [ "$module" = . ]; then
      packages=$(go list ./... | grep -v '^github.com/orotund/orotund/test\(/\|$\)')
      # shellcheck disable=SC2086 # one word a package
      part "main module" in_module . $packages
    else
      part "$module" in_module "$module" ./...
    fi
  done
  [ ! -d test ] || part "end to end" end_to_end
  if [ ${#failed[@]} -gt 0 ]; then
    die "tests failed: $(printf '%s; ' "${failed[@]}")see above"
  fi
  say "all tests passed"
}
