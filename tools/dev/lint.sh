# shellcheck shell=bash
# ./dev lint: everything that can be said about the source without running the product. All checks
# run even when one fails; the result is said last.
# shellcheck source=tools/dev/gen.sh
source tools/dev/gen.sh

failed=()

# check NAME COMMAND…: runs one check, keeps its name when it fails.
check() {
  local name=$1 start=$SECONDS
  shift
  say "lint $name"
  "$@" || failed+=("$name")
  say "lint $name: $((SECONDS - start)) s"
}

check_format() {
  local files
  files=$(find . \( -path ./.git -o -path ./bin -o -path ./.cache \) -prune -o -name '*.go' -print0 | xargs -0 gofmt -l)
  [ -z "$files" ] || {
    printf 'not formatted (gofmt -w):\n%s\n' "$files" >&2
    return 1
  }
}

check_vet() {
  local module status=0
  for module in "$@"; do (cd "$module" && go vet ./...) || status=1; done
  return $status
}

check_golangci() {
  local linter module status=0
  linter=$(tool "$GOLANGCI_LINT") || return 1
  for module in "$@"; do
    (cd "$module" && "$linter" run --config "$ROOT/.golangci.yml" --timeout 10m ./...) || status=1
  done
  return $status
}

# check_house runs the rules that no linter knows: import tiers, owners, lengths, documentation.
check_house() { go test ./internal/house; }

check_shell() {
  local files
  command -v shellcheck >/dev/null || {
    warn "skipped: shellcheck is not installed (package shellcheck)"
    return 0
  }
  mapfile -t files < <(find . \( -path ./.git -o -path ./bin -o -path ./.cache \) -prune -o -name '*.sh' -print)
  shellcheck --external-sources --source-path="$ROOT" dev .ci/run "${files[@]}"
}

# check_vulnerabilities asks the Go vulnerability database, where it can be reached.
check_vulnerabilities() {
  local scanner module log status=0
  if [ -z "${GOVULNDB:-}" ] && ! reachable vuln.go.dev; then
    warn "skipped: govulncheck: its database (vuln.go.dev) cannot be reached"
    return 0
  fi
  scanner=$(tool "$GOVULNCHECK") || return 1
  log=$(mktemp)
  for module in "$@"; do
    (cd "$module" && timeout 300 "$scanner" ./...) >"$log" 2>&1 && continue
    if grep -q -e 'fetching vulnerabilities' -e 'dial tcp' "$log"; then
      warn "skipped: govulncheck: its database cannot be reached"
      break
    fi
    cat "$log" >&2
    status=1
  done
  rm -f "$log"
  return $status
}

# reachable HOST: whether an HTTPS server answers there within ten seconds, by the same way out
# (proxy or not) that the scanner takes.
reachable() {
  if command -v curl >/dev/null; then
    timeout 10 curl -sS -o /dev/null "https://$1/" 2>/dev/null
  else
    timeout 10 bash -c "exec 3<>/dev/tcp/$1/443" 2>/dev/null
  fi
}

main() {
  local modules
  find_go
  install_packages "${PACKAGES[@]}"
  mapfile -t modules < <(buildable_modules)
  check "format" check_format
  check "shell" check_shell
  check "house rules" check_house
  check "licences" licences -check
  check "vet" check_vet "${modules[@]}"
  check "golangci-lint" check_golangci "${modules[@]}"
  check "api" check_api
  check "vulnerabilities" check_vulnerabilities "${modules[@]}"
  [ ${#failed[@]} -eq 0 ] || die "lint failed: $(printf '%s; ' "${failed[@]}")see above"
  say "lint: nothing found"
}
