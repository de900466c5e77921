package config

import (
	"fmt"
	"sort"
)

// didYouMean ends a message with the nearest of the names, or with nothing where none is near.
func didYouMean(got string, names []string) string {
	const longest = 128 // beyond that nothing is a slip of the hand, and the cost is quadratic
	if len(got) > longest {
		return ""
	}
	names = append([]string(nil), names...)
	sort.Strings(names)
	best, dist := "", max(1, len(got)/3)+1
	for _, n := range names {
		if len(n) > longest {
			continue
		}
		if d := distance(got, n); d < dist {
			best, dist = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance counts the insertions, deletions, replacements and swaps of neighbours (bytes) between two names.
func distance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
