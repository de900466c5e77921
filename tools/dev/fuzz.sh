# shellcheck shell=bash
# ./dev fuzz [seconds]: every fuzz test of every module. A crash leaves its input in the package's
# testdata/fuzz, where "go test" replays it from then on.

main() {
  local seconds=${1:-10} module file names name count=0 failed=()
  [[ $seconds =~ ^[1-9][0-9]*$ ]] || die "fuzz: seconds must be a whole number, not $seconds"
  find_go
  install_packages "${PACKAGES[@]}"
  for module in $(buildable_modules); do
    while read -r file; do
      names=$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$file")
      for name in $names; do
        count=$((count + 1))
        say "fuzz $(dirname "$file") $name, $seconds s"
        fuzz_one "$module" "$ROOT/$(dirname "$file")" "$name" "$seconds" || failed+=("$name")
      done
    done < <(fuzz_files "$module")
  done
  [ "$count" -gt 0 ] || die "fuzz: no fuzz test found"
  [ ${#failed[@]} -eq 0 ] || die "fuzz: failed: ${failed[*]}"
  say "$count fuzz tests, $seconds s each: nothing found"
}

# fuzz_one MODULE FOLDER NAME SECONDS: a busy machine can make go test report the end of the fuzzing
# time itself as a failure ("context deadline exceeded", without an input); that finds nothing.
fuzz_one() (
  cd "$1" || exit
  log=$(mktemp)
  # shellcheck disable=SC2064 # the name of now
  trap "rm -f '$log'" EXIT
  go test -run='^$' -fuzz="^$3\$" -fuzzminimizetime=10x -fuzztime="${4}s" "$2" </dev/null 2>&1 | tee "$log" && exit 0
  ! grep -q -e 'Failing input written' -e panic "$log" && grep -q '^ *context deadline exceeded' "$log"
)

# fuzz_files prints the test files of one module that hold a fuzz test: nested modules are not its.
fuzz_files() {
  local -a find_args=("$1" -name '*_test.go')
  [ "$1" != . ] || find_args=(. \( -path ./workers -o -path ./tools -o -path ./bin -o -path ./.git \) -prune -o -name '*_test.go' -print)
  find "${find_args[@]}" | sort | xargs -r grep -l '^func Fuzz[A-Z]' | sed 's#^\./##'
}
