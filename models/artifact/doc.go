// Package artifact keeps the published versions of models: a folder a version,
// with a manifest that says what it was made from and the size and checksum of
// every file, and a champion that names the version in use.
//
//	<root>/<name>/<version>/manifest.json + files
//	<root>/<name>/champion        one line: the version
//	<root>/<name>/champion.log    the latest champions, for rollback
//
// A version is named by its content, so publishing the same content twice
// yields the same version. Readers need no lock and see whole versions only.
// The same content-named folders, aliases and checks carry models/snapshot.
package artifact
