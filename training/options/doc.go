// Package options sets and shows the options of models by name: the fields of
// an Options struct are known outside as their names in lower snake case, so
// that HalfLifeDays is half_life_days on the command line and in files.
package options
