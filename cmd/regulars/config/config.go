package config

import (
	"bytes"
	_ "embed" // the commented default file
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml"

	"regulars/serving/placement"
)

// FileName is the configuration's name inside a workspace.
const FileName = "regulars.yaml"

// DefaultYAML is the commented file that `regulars init` writes; it says what
// Default returns.
//
//go:embed default.yaml
var DefaultYAML string

// Config is the whole of regulars.yaml.
type Config struct {
	TimeZone string   `yaml:"time_zone"`
	Currency string   `yaml:"currency"`
	Seed     uint64   `yaml:"seed"`
	Machine  Machine  `yaml:"machine"`
	Features Features `yaml:"features"`
	Training Training `yaml:"training"`
	Serve    Serve    `yaml:"serve"`
	Schedule Schedule `yaml:"schedule"`

	Audiences  map[string]Audience    `yaml:"audiences"` // by name
	Placements []placement.Definition `yaml:"placements"`
}

// Machine bounds what a job may use.
type Machine struct {
	Threads int    `yaml:"threads"` // 0 = all cores
	Memory  string `yaml:"memory"`  // of the SQL engine, such as 2GB
}

// Features sets the numbers that feature definitions leave to the shop.
type Features struct {
	Parameters map[string]float64 `yaml:"parameters"` // by group.parameter
}

// Training says what is predicted and what is kept.
type Training struct {
	HorizonDays   int     `yaml:"horizon_days"`
	ActiveDays    int     `yaml:"active_days"`
	RankingDays   int     `yaml:"ranking_days"`
	TrainDates    int     `yaml:"train_dates"`
	Horizons      []int   `yaml:"horizons"`
	ValueDays     int     `yaml:"value_days"`
	ValueDiscount float64 `yaml:"value_discount"`
	Candidates    int     `yaml:"candidates"`
	SimilarItems  int     `yaml:"similar_items"`
	KeepSnapshots int     `yaml:"keep_snapshots"`
	KeepModels    int     `yaml:"keep_models"`
}

// Serve says where and how the HTTP server answers.
type Serve struct {
	Addr    string   `yaml:"addr"`
	Refresh Duration `yaml:"refresh"`
	Lang    string   `yaml:"lang"` // of reasons, where a request asks for none
	TLSCert string   `yaml:"tls_cert"`
	TLSKey  string   `yaml:"tls_key"`
	Rate    Rate     `yaml:"rate"`

	LogFormat    string   `yaml:"log_format"`
	LogIDs       bool     `yaml:"log_ids"`       // paths, and with them customers, in the access log
	StaleAfter   Duration `yaml:"stale_after"`   // a warning in the log; 0 = none
	ReadyMaxAge  Duration `yaml:"ready_max_age"` // /readyz is red; 0 = never for its age
	OTLPEndpoint string   `yaml:"otlp_endpoint"` // of traces; "" = none
	// Flush is how often what the server was told goes to the lake; 0 = only before jobs.
	Flush      Duration `yaml:"flush"`
	KeepEvents Duration `yaml:"keep_events"` // how long it stays beside the lake
}

// Rate bounds how often each key may ask.
type Rate struct {
	PerSecond float64 `yaml:"per_second"` // 0 = as often as it likes
	Burst     int     `yaml:"burst"`      // requests at once; 0 = those of one second
}

// Schedule lists the jobs that `regulars serve --schedule` starts.
type Schedule struct {
	CatchUp bool     `yaml:"catch_up"`
	Grace   Duration `yaml:"grace"`
	Jobs    []Job    `yaml:"jobs"`
}

// Job is one entry of the schedule.
type Job struct {
	Job  string `yaml:"job"`
	Cron string `yaml:"cron"`
}

// Default returns the configuration of an empty file.
func Default() Config {
	return Config{
		TimeZone: "UTC",
		Seed:     1,
		Machine:  Machine{Memory: "1GB"},
		Features: Features{Parameters: map[string]float64{}},
		Training: Training{HorizonDays: 90, ActiveDays: 365, RankingDays: 30, TrainDates: 16, Horizons: []int{30, 90, 180}, ValueDays: 365, ValueDiscount: 0.1,
			Candidates: 100, SimilarItems: 50, KeepSnapshots: 3, KeepModels: 10},
		Serve: Serve{Addr: "127.0.0.1:8080", Refresh: Duration(time.Second), Lang: "en", LogFormat: "text", StaleAfter: Duration(3 * day),
			Flush: Duration(5 * time.Minute), KeepEvents: Duration(30 * day)},
		Schedule:   Schedule{CatchUp: true, Grace: Duration(30 * time.Second), Jobs: []Job{{Job: "pipeline", Cron: "30 3 * * *"}}},
		Audiences:  map[string]Audience{},
		Placements: []placement.Definition{},
	}
}

// Load reads the workspace's regulars.yaml over the defaults, then the
// environment over both. A missing file means the defaults. Every error names
// the file or variable and the field.
func Load(workspace string, environ []string) (Config, error) {
	c := Default()
	path := filepath.Join(workspace, FileName)
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	default:
		if c, err = parse(text); err != nil {
			return Config{}, fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := override(&c, environ); err != nil {
		return Config{}, err
	}
	if err := c.Validate(); err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

func parse(text []byte) (Config, error) {
	c := Default()
	if len(bytes.TrimSpace(text)) == 0 {
		return c, nil
	}
	if err := yaml.UnmarshalWithOptions(text, &c, yaml.Strict()); err != nil {
		return Config{}, errors.New(yaml.FormatError(err, false, true))
	}
	return c, nil
}

// Location returns the shop's time zone.
func (c Config) Location() (*time.Location, error) {
	loc, err := time.LoadLocation(c.TimeZone)
	if err != nil {
		return nil, fmt.Errorf("time_zone %q is not a zone such as Europe/London or Asia/Shanghai", c.TimeZone)
	}
	return loc, nil
}
