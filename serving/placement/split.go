package placement

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// Plan is what one arm of a placement makes lists by.
type Plan struct {
	Placement, Arm string
	Code           string // of the arm, at the end of the ids of its recommendations
	Strategy       string
	Filter         string
	K              int
	Rules          []Rule
	Explore        float64
}

// Placement is a checked definition.
type Placement struct {
	Name  string
	salt  string
	plans []Plan
	draws []draws // by plan
}

// draws is how an arm draws lots for visitors.
type draws struct {
	seed  uint64
	share float64
}

// lone is the arm of a placement without arms.
const lone = "default"

func newPlacement(d Definition) *Placement {
	p := &Placement{Name: d.Name, salt: d.Salt, plans: d.plans()}
	for _, a := range d.Arms {
		sum := digest(a.Name)
		p.draws = append(p.draws, draws{binary.BigEndian.Uint64(sum[:]), a.Share})
	}
	return p
}

// plans returns one plan an arm.
func (d Definition) plans() []Plan {
	whole := Plan{Placement: d.Name, Arm: lone, Code: code(d.Name, lone), Strategy: d.Strategy, Filter: d.Filter, K: d.K, Rules: d.Rules, Explore: d.Explore}
	if len(d.Arms) == 0 {
		return []Plan{whole}
	}
	out := make([]Plan, len(d.Arms))
	for i, a := range d.Arms {
		p := whole
		p.Arm, p.Code = a.Name, code(d.Name, a.Name)
		override(&p.Strategy, a.Strategy)
		override(&p.Filter, a.Filter)
		override(&p.K, a.K)
		override(&p.Rules, a.Rules)
		override(&p.Explore, a.Explore)
		out[i] = p
	}
	return out
}

func override[T any](into *T, own *T) {
	if own != nil {
		*into = *own
	}
}

// codeLength keeps the codes of a thousand arms apart but for one shop in two
// thousand, whose configuration is then refused.
const codeLength = 6

// code names an arm in few characters, the same as long as it is called the same.
func code(placement, arm string) string {
	sum := digest(placement, arm)
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:codeLength])
}

// Sign ends the id of a list with the code of the arm that made it, so that what
// comes of it is credited without anything to look it up in; see Set.Of.
func (p *Plan) Sign(id string) string { return id + codeMark + p.Code }

const codeMark = "-"

// CodeOf returns the code of the arm that made the list with a recommendation id,
// which need not be configured any more; "" where the id ends with none.
func CodeOf(recommendationID string) string {
	cut := strings.LastIndex(recommendationID, codeMark)
	if cut < 0 || len(recommendationID)-cut != len(codeMark)+codeLength {
		return ""
	}
	return recommendationID[cut+len(codeMark):]
}

// digest hashes texts so that no two ways to cut them hash alike.
func digest(texts ...string) [sha256.Size]byte {
	buf := make([]byte, 0, 256)
	for _, t := range texts {
		buf = strconv.AppendInt(buf, int64(len(t)), 10)
		buf = append(buf, ':')
		buf = append(buf, t...)
	}
	return sha256.Sum256(buf)
}

// Assign returns the plan of a visitor: always the same one for the same id, as
// long as salt and shares stay, and independent of other placements. Every arm draws
// a lot for the visitor, an exponential one by its share, and the least wins, which
// each does by its share (weighted rendezvous hashing). So an arm that comes takes
// visitors from the others, and one that goes leaves them its own, while nobody
// changes between two that stay and keep their proportion.
func (p *Placement) Assign(visitor string) *Plan {
	sum := digest(p.salt, p.Name, visitor)
	hash, won, least := binary.BigEndian.Uint64(sum[:]), 0, math.Inf(1)
	for i, d := range p.draws {
		if lot := -math.Log(uniform(hash^d.seed)) / d.share; lot < least {
			won, least = i, lot
		}
	}
	return &p.plans[won]
}

// uniform scatters a number over (0, 1): the finalizer of SplitMix64 (Steele, Lea,
// Flood 2014), of which neighbours share nothing.
func uniform(x uint64) float64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return (float64(x>>11) + .5) / (1 << 53)
}

// Plans returns one plan an arm, in the order of the configuration.
func (p *Placement) Plans() []Plan { return p.plans }
