// Package rules finds what is bought together: association rules "who buys A
// (and B) also buys C", mined from baskets by FP-growth (Han, Pei, Yin 2000),
// with their support, confidence and lift (Agrawal, Imieliński, Swami 1993).
package rules
