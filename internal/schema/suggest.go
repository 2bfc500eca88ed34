package schema

// Suggest returns the known key that key is probably a misspelling of. ok is false if no
// known key is similar.
func Suggest(key string, known []string) (best string, ok bool) {
	least := min(2, (len(key)+1)/3) + 1
	if len(key) > 64 {
		return "", false
	}
	for _, k := range known {
		if d := distance(key, k); d < least {
			best, least = k, d
		}
	}
	return best, best != ""
}

// distance returns the optimal string alignment distance: the number of letters to
// insert, delete, replace or swap with a neighbour.
func distance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := last[j]
			if a[i] != b[j] {
				change++
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, change)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
