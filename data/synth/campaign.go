package synth

import "regulars/data"

// arm is what a campaign did to a customer.
type arm int

const (
	none    arm = iota // not in the audience, or the message has lost its effect
	control            // in the audience, message withheld
	plain              // message
	offer              // message with a discount
	armCount
)

var armNames = [armCount]string{"", "control", "message", "discount"}

// Campaigns: every 30 days all customers who last ordered 60 to 720 days ago
// may be drawn into the audience, and its members into an arm.
const (
	campaignEvery = 30
	firstCampaign = 60 // days after the start of the history
	lapsedAfter   = 60
	lostAfter     = 720
	inAudience    = 0.25
	messageDays   = 14 // on which a message has an effect
	effectDays    = 28 // over which its effect is counted
)

var (
	armShares = [armCount]float64{control: 0.3, plain: 0.45, offer: 0.25}
	arms      = newWheelOf(armShares[:])
)

// persuasion is how a customer responds to messages.
type persuasion int

var persuasionNames = [...]string{"indifferent", "responsive", "persuadable", "put off"}

// response is what a message does: its hazard of an order over all of its
// days, and the factor on the customer's own hazard meanwhile.
type response struct{ added, factor float64 }

var (
	persuasions = newWheelOf([]float64{0.35, 0.35, 0.2, 0.1})
	responses   = [...]response{{0, 1}, {0.06, 1}, {0.35, 1}, {0, 0.3}}
)

// offerBoost is how much more a message with a discount adds than one without.
const offerBoost = 1.7

// message is one campaign's contact with a customer.
type message struct {
	day data.Day
	arm arm
}

// condition is the state on which the hazard of a day depends.
type condition struct {
	active bool
	arm    arm
	since  data.Day // the campaign that chose the arm
}

func (s *Shop) campaign(d data.Day) bool {
	return d >= s.start+firstCampaign && (d-s.start)%campaignEvery == 0
}

func (c *customer) eligible(d, lastOrder data.Day) bool {
	return lastOrder != 0 && d-lastOrder >= lapsedAfter && d-lastOrder <= lostAfter
}

// hazard of an order on day d: P(no order) = exp(−hazard).
func (s *Shop) hazard(c *customer, d data.Day, now condition) float64 {
	own, added := 0.0, 0.0
	if now.active {
		own = c.rate * s.factor(d)
	}
	if now.arm >= plain && d-now.since < messageDays {
		r := responses[c.persuasion]
		own *= r.factor
		added = r.added / messageDays
		if now.arm == offer {
			added *= offerBoost
		}
	}
	return own + added
}
