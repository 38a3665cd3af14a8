package lifecycle

import (
	"fmt"
	"slices"
)

// State is where a customer is in its life cycle, as the column state of the
// feature group user/lifecycle spells it.
type State string

// The states. When a customer enters and leaves each is defined by the feature
// group and its parameters.
const (
	Introduction State = "introduction" // signed up, never ordered
	Activation   State = "activation"   // ordered for the first time
	Growth       State = "growth"       // orders again
	Maturity     State = "maturity"     // orders regularly
	Decline      State = "decline"      // has not ordered for some time
	Lost         State = "lost"         // has not ordered for a long time
	Revived      State = "revived"      // ordered again after being lost
)

// Name is what people call something.
type Name struct{ English, Chinese string }

var stateNames = []struct {
	state State
	name  Name
}{
	{Introduction, Name{"introduction", "引入期"}},
	{Activation, Name{"activation", "激活期"}},
	{Growth, Name{"growth", "成长期"}},
	{Maturity, Name{"maturity", "成熟期"}},
	{Decline, Name{"decline", "衰退期"}},
	{Lost, Name{"lost", "流失期"}},
	{Revived, Name{"revived", "复兴期"}},
}

// States returns all states, in the order of a life.
func States() []State {
	states := make([]State, len(stateNames))
	for i, s := range stateNames {
		states[i] = s.state
	}
	return states
}

// Parse reads a state as the feature table spells it.
func Parse(text string) (State, error) {
	if !slices.Contains(States(), State(text)) {
		return "", fmt.Errorf("%q is no life-cycle state: they are %v", text, States())
	}
	return State(text), nil
}

// Name returns what people call the state; the zero Name for text that is none.
func (s State) Name() Name {
	for _, known := range stateNames {
		if known.state == s {
			return known.name
		}
	}
	return Name{}
}
