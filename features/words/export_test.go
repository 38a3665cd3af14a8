package words

// Features lists what every row words, also what two of them do.
func Features() []string {
	var names []string
	for _, r := range rows {
		if r.over == nil {
			names = append(names, r.key)
		}
		for _, v := range r.over {
			names = append(names, put(r.key, v.key))
		}
	}
	return names
}
