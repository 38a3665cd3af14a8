package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestDefaultFileSaysTheDefaults(t *testing.T) {
	got, err := parse([]byte(DefaultYAML))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, Default()) {
		t.Errorf("default.yaml reads as\n%+v, Default() is\n%+v", got, Default())
	}
}

// Every bad file of testdata states, in its first line, what the error must say.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(text), "\n")
			want := strings.TrimPrefix(first, "# want: ")
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, FileName), text, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = Load(dir, nil)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("error %v, want it to say %q", err, want)
			}
			if !strings.Contains(err.Error(), FileName) {
				t.Errorf("error %v does not name the file", err)
			}
		})
	}
}

func TestEnvironmentOverrides(t *testing.T) {
	c, err := Load(t.TempDir(), []string{"REGULARS_SERVE_ADDR=127.0.0.1:9", "REGULARS_TRAINING_HORIZON_DAYS=60",
		"REGULARS_SCHEDULE_GRACE=5s", "REGULARS_RUN_ID=x", "HOME=/root"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Serve.Addr != "127.0.0.1:9" || c.Training.HorizonDays != 60 || c.Schedule.Grace.Seconds() != 5 {
		t.Errorf("overrides not taken: %+v", c)
	}
	for _, bad := range []string{"REGULARS_SERVE_ADR=x", "REGULARS_TRAINING_HORIZON_DAYS=ten"} {
		name, _, _ := strings.Cut(bad, "=")
		if _, err := Load(t.TempDir(), []string{bad}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v does not name the variable", bad, err)
		}
	}
}
