package lake

import (
	"math/big"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"regulars/data"
)

// decoderOf says what the values of a flat column are and how one is read. A
// value that its kind cannot hold (an unsigned integer above 2⁶³, an amount of
// more than four decimals) is read as a string, so that validation refuses it
// by name in place of passing on a wrong number.
func decoderOf(t parquet.Type) (data.Kind, func(parquet.Value) data.Value) {
	if lt := t.LogicalType(); lt != nil {
		switch l := lt.Value.(type) {
		case *format.DecimalType:
			return data.KindMoney, decodeDecimal(t.Kind(), int(l.Scale))
		case *format.TimestampType:
			return data.KindTime, decodeTimestamp(l.Unit)
		case *format.DateType:
			return data.KindTime, decodeDate
		case *format.TimeType:
			return data.KindNull, nil
		case *format.UUIDType:
			return data.KindNull, nil
		}
	}
	return decoderOfPhysical(t)
}

func decoderOfPhysical(t parquet.Type) (data.Kind, func(parquet.Value) data.Value) {
	switch t.Kind() {
	case parquet.Boolean:
		return data.KindBool, func(v parquet.Value) data.Value { return data.Bool(v.Boolean()) }
	case parquet.Int32:
		if isUnsigned(t) {
			return data.KindInt, func(v parquet.Value) data.Value { return data.Int(int64(v.Uint32())) }
		}
		return data.KindInt, func(v parquet.Value) data.Value { return data.Int(int64(v.Int32())) }
	case parquet.Int64:
		if isUnsigned(t) {
			return data.KindInt, decodeUint64
		}
		return data.KindInt, func(v parquet.Value) data.Value { return data.Int(v.Int64()) }
	case parquet.Int96:
		return data.KindTime, decodeInt96
	case parquet.Float:
		return data.KindFloat, func(v parquet.Value) data.Value { return data.Float(float64(v.Float())) }
	case parquet.Double:
		return data.KindFloat, func(v parquet.Value) data.Value { return data.Float(v.Double()) }
	case parquet.ByteArray:
		return data.KindString, decodeString
	}
	return data.KindNull, nil
}

func isUnsigned(t parquet.Type) bool {
	if lt := t.LogicalType(); lt != nil {
		if i, ok := lt.Value.(*format.IntType); ok {
			return !i.IsSigned
		}
	}
	return false
}

func decodeString(v parquet.Value) data.Value { return data.String(string(v.ByteArray())) }

func decodeUint64(v parquet.Value) data.Value {
	if u := v.Uint64(); u > 1<<63-1 {
		return data.String(strconv.FormatUint(u, 10))
	}
	return data.Int(v.Int64())
}

func decodeDate(v parquet.Value) data.Value { return data.Micros(data.Day(v.Int32()).Micros()) }

// decodeInt96 reads the timestamps of old Spark and Hive: nanoseconds within
// the day, then the Julian day number.
func decodeInt96(v parquet.Value) data.Value {
	w := v.Int96()
	nanos := int64(w[1])<<32 | int64(w[0])
	const julianOf1970 = 2_440_588
	return data.Micros(data.Day(int32(w[2])-julianOf1970).Micros() + nanos/1000)
}

func decodeTimestamp(unit format.TimeUnit) func(parquet.Value) data.Value {
	switch unit.Value.(type) {
	case *format.MilliSeconds:
		return func(v parquet.Value) data.Value { return data.Time(time.UnixMilli(v.Int64())) }
	case *format.NanoSeconds:
		return func(v parquet.Value) data.Value { return data.Time(time.Unix(0, v.Int64())) }
	}
	return func(v parquet.Value) data.Value { return data.Micros(v.Int64()) }
}

func decodeDecimal(k parquet.Kind, scale int) func(parquet.Value) data.Value {
	if scale == 4 && k == parquet.Int64 {
		return func(v parquet.Value) data.Value { return data.Amount(data.Money(v.Int64())) }
	}
	return func(v parquet.Value) data.Value {
		text := decimalText(unscaled(k, v), scale)
		m, err := data.ParseMoney(text)
		if err != nil {
			return data.String(text)
		}
		return data.Amount(m)
	}
}

// unscaled returns the integer behind a decimal; byte arrays are big-endian
// two's complement.
func unscaled(k parquet.Kind, v parquet.Value) *big.Int {
	switch k {
	case parquet.Int32:
		return big.NewInt(int64(v.Int32()))
	case parquet.Int64:
		return big.NewInt(v.Int64())
	}
	b := v.ByteArray()
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0]&0x80 != 0 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
	}
	return n
}

func decimalText(n *big.Int, scale int) string {
	return new(big.Rat).SetFrac(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).FloatString(scale)
}
