package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// unknown stands for a licence text that is not recognised.
const unknown = "unknown"

// enough is the share of a file, in percent, that must match known licence texts. The rest is
// copyright lines and lists of authors.
const enough = 75

// licenceFile matches the names under which Go modules keep their licence. Licences of a module's
// documentation do not matter: it is not linked.
var licenceFile = regexp.MustCompile(`(?i)^((un)?licen[cs]e|copying|mit-licen[cs]e)([-._].*)?$`)

var noticeFile = regexp.MustCompile(`(?i)^notice([-._].*)?$`)

// covering returns the licences in force for a package: all that are found in its folder and the
// folders above it up to the module's root; and whether a NOTICE lies there.
func covering(moduleDir, packageDir string) (licences []string, notice bool, err error) {
	for dir := packageDir; ; dir = filepath.Dir(dir) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, false, err
		}
		for _, e := range entries {
			name := e.Name()
			if e.IsDir() || strings.HasSuffix(name, ".go") || strings.HasSuffix(name, ".docs") {
				continue
			}
			notice = notice || noticeFile.MatchString(name)
			if !licenceFile.MatchString(name) {
				continue
			}
			text, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				return nil, false, err
			}
			licences = append(licences, classify(text)...)
		}
		if dir == moduleDir || len(dir) <= len(moduleDir) {
			return licences, notice, nil
		}
	}
}

// classify returns the SPDX identifiers of the licences in a text, sorted, or unknown.
func classify(text []byte) []string {
	cover := licensecheck.Scan(text)
	var ids []string
	for _, m := range cover.Match {
		// A URL alone grants nothing.
		if !m.IsURL {
			ids = append(ids, m.ID)
		}
	}
	if len(ids) == 0 || cover.Percent < enough {
		return []string{unknown}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
