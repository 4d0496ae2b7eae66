package lanczos

// Memory is what scalers work with: weights, and room for rows. It is made to be used again, picture after picture, and keeps the weights of the
// sizes that it has seen. The zero Memory is ready; it is for one goroutine.
type Memory struct {
	made        map[Axis]*filter
	words       []uint64
	used, asked int // words
}

const (
	maxFilters = 16       // kept
	maxWords   = 64 << 10 // kept
)

// Reset takes back what scalers got: none of them may be used any more.
func (m *Memory) Reset() {
	if len(m.made) > maxFilters {
		m.made = nil
	}
	if m.asked > len(m.words) && m.asked <= maxWords {
		m.words = make([]uint64, m.asked) // next time all of it fits
	}
	m.used, m.asked = 0, 0
}

// take returns n words, whatever they hold.
func (m *Memory) take(n int) []uint64 {
	m.asked += n
	if m.used+n > len(m.words) {
		return make([]uint64, n)
	}
	m.used += n
	return m.words[m.used-n : m.used : m.used]
}

func (m *Memory) filter(a Axis) *filter {
	f := m.made[a]
	if f == nil {
		f = newFilter(a)
		if m.made == nil {
			m.made = map[Axis]*filter{}
		}
		m.made[a] = f
	}
	return f
}
