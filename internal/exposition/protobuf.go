package exposition

import (
	"bytes"
	"math"
	"strconv"

	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// Field numbers of io.prometheus.client's messages
// (https://github.com/prometheus/client_model, metrics.proto).
const (
	familyName, familyHelp, familyType, familyMetric               = 1, 2, 3, 4
	metricLabel, metricGauge, metricCounter, metricSummary         = 1, 2, 3, 4
	metricHistogram                                                = 7
	labelName, labelValue                                          = 1, 2
	gaugeValue, counterValue, summarySampleCount, summarySampleSum = 1, 1, 1, 2
)

var familyTypes = map[metricType]dto.MetricType{
	counter: dto.MetricType_COUNTER, gauge: dto.MetricType_GAUGE,
	histogram: dto.MetricType_HISTOGRAM, summary: dto.MetricType_SUMMARY,
}

// writeProtobuf writes one family as a length-delimited message. It converts the rendered
// lines, so that all formats agree. Histograms keep their native buckets.
func (s *scrape) writeProtobuf(i int) {
	f := &families[i]
	b := s.message[:0]
	for _, r := range s.rendered {
		start, end := r.span(i)
		if start == end {
			continue
		}
		if len(b) == 0 {
			b = appendBytes(b, familyName, f.name)
			b = appendBytes(b, familyHelp, f.help)
			b = protowire.AppendTag(b, familyType, protowire.VarintType)
			b = protowire.AppendVarint(b, uint64(familyTypes[f.metricType]))
		}
		b = s.appendMetrics(b, i, r, r.buf[start:end])
	}
	s.message = b
	if len(b) > 0 {
		s.buf = protowire.AppendVarint(s.buf, uint64(len(b)))
		s.append(b)
	}
}

// appendMetrics appends the samples of one family of one upstream.
func (s *scrape) appendMetrics(b []byte, family int, r *rendered, lines []byte) []byte {
	f := &families[family]
	histograms := r.histograms
	for len(histograms) > 0 && histograms[0].family != family {
		histograms = histograms[1:]
	}
	var sum float64
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n')
		line := lines[len(f.name):end]
		lines = lines[end+1:]
		if f.metricType == histogram && !bytes.HasPrefix(line, []byte("_count")) {
			continue
		}
		m, value := s.parseLine(line)
		switch f.metricType {
		case counter:
			m = appendDouble(m, metricCounter, counterValue, value)
		case gauge:
			m = appendDouble(m, metricGauge, gaugeValue, value)
		case summary:
			if bytes.HasPrefix(line, []byte("_sum")) {
				sum = value
				continue
			}
			s.inner = protowire.AppendTag(s.inner[:0], summarySampleCount, protowire.VarintType)
			s.inner = protowire.AppendVarint(s.inner, count(value))
			s.inner = protowire.AppendTag(s.inner, summarySampleSum, protowire.Fixed64Type)
			s.inner = protowire.AppendFixed64(s.inner, math.Float64bits(sum))
			m = appendBytes(m, metricSummary, s.inner)
		case histogram:
			s.inner, _ = proto.MarshalOptions{}.MarshalAppend(s.inner[:0], histograms[0].value) // cannot fail without required fields
			histograms = histograms[1:]
			m = appendBytes(m, metricHistogram, s.inner)
		}
		b = appendBytes(b, familyMetric, m)
	}
	return b
}

// count converts a count that was parsed as a float64, which rounds the largest counts
// up to 2^64.
func count(v float64) uint64 {
	if v >= math.MaxUint64 {
		return math.MaxUint64
	}
	return uint64(v)
}

// parseLine returns the labels of a line, encoded as the first fields of a metric, and
// its value. line starts after the name of the family. The next call reuses the memory of
// the result.
func (s *scrape) parseLine(line []byte) (metric []byte, value float64) {
	m := s.metric[:0]
	space := bytes.LastIndexByte(line, ' ')
	if open := bytes.IndexByte(line, '{'); open >= 0 && open < space {
		for rest := line[open+1 : space-1]; len(rest) > 0; {
			equals := bytes.IndexByte(rest, '=')
			name := rest[:equals]
			var end int
			s.value, end = unescapeLabel(s.value[:0], rest[equals+2:])
			rest = bytes.TrimPrefix(rest[equals+2+end+1:], []byte(","))
			m = protowire.AppendTag(m, metricLabel, protowire.BytesType)
			m = protowire.AppendVarint(m, uint64(protowire.SizeTag(labelName)+protowire.SizeBytes(len(name))+
				protowire.SizeTag(labelValue)+protowire.SizeBytes(len(s.value))))
			m = appendBytes(m, labelName, name)
			m = appendBytes(m, labelValue, s.value)
		}
	}
	s.metric = m
	value, _ = strconv.ParseFloat(string(line[space+1:]), 64) // cannot fail: lines formatted it
	return m, value
}

// unescapeLabel appends the value of a label up to its closing quote, and returns the
// position of the quote.
func unescapeLabel(to, text []byte) (value []byte, end int) {
	for i := 0; ; i++ {
		switch text[i] {
		case '"':
			return to, i
		case '\\':
			i++
			if text[i] == 'n' {
				to = append(to, '\n')
				continue
			}
		}
		to = append(to, text[i])
	}
}

func appendBytes[T string | []byte](b []byte, field protowire.Number, v T) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(len(v)))
	return append(b, v...)
}

// appendDouble appends a message with one double.
func appendDouble(b []byte, message, field protowire.Number, v float64) []byte {
	b = protowire.AppendTag(b, message, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(protowire.SizeTag(field)+protowire.SizeFixed64()))
	b = protowire.AppendTag(b, field, protowire.Fixed64Type)
	return protowire.AppendFixed64(b, math.Float64bits(v))
}
