// Package config reads regulars.yaml: every field has a default, a comment in
// the file that `regulars init` writes, a check with a message, and an
// environment variable REGULARS_… that overrides it.
package config
