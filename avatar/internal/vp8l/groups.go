package vp8l

import "context"

// The alphabets of a group's codes (section 3.7.1).
const (
	literals  = 256
	lengths   = 24 // of backward references, behind green
	distances = 40
	maxCache  = 1 << 11 // colours, behind these
)

// maxGroups is how many groups of codes a picture may have. It is what libwebp writes at most.
const maxGroups = 2600

// group holds the codes of a kind of blocks.
type group struct {
	green, red, blue, alpha, distance code
	// plain says that red, blue and alpha are always those of rest.
	plain bool
	rest  uint32
	// solid says that every pixel is rest with green, and takes no bit.
	solid bool
}

// groups says which group the blocks of a picture use.
type groups struct {
	all   []group
	index []uint16 // by block; nil when there is only one group
	bits  uint     // log2 of a block's side
	width int      // of the index
}

// at returns the group of a pixel, and the first column behind it that may have another.
func (g *groups) at(x, y, width int) (*group, int) {
	if g.index == nil {
		return &g.all[0], width
	}
	column := x >> g.bits
	return &g.all[g.index[(y>>g.bits)*g.width+column]], min((column+1)<<g.bits, width)
}

// readGroups reads the codes for a picture (section 3.7.2.2). Only the main picture, not those that serve it, has more than one group.
func (r *bitReader) readGroups(ctx context.Context, width, height, cache int, main bool) (*groups, error) {
	g := new(groups)
	used := []bool{true}
	if main && r.bits(1) == 1 {
		var err error
		if used, err = g.readIndex(ctx, r, width, height); err != nil {
			return nil, err
		}
	}
	renamed, left := make([]uint16, len(used)), maxCodes(width, height)
	scratch := make([]uint8, literals+lengths+maxCache)
	for i := range used {
		one, err := r.readGroup(cache, scratch)
		if err != nil {
			return nil, err
		}
		if used[i] {
			if left -= one.bytes(); left < 0 {
				return nil, errGroups
			}
			renamed[i] = uint16(len(g.all))
			g.all = append(g.all, one)
		}
	}
	for i, name := range g.index {
		g.index[i] = renamed[name]
	}
	return g, nil
}

// readIndex reads which group each block uses, and returns which there are.
func (g *groups) readIndex(ctx context.Context, r *bitReader, width, height int) (used []bool, err error) {
	g.bits = uint(r.bits(3)) + 2
	g.width = blocks(width, g.bits)
	down := blocks(height, g.bits)
	g.index = make([]uint16, g.width*down)
	err = r.readPixels(ctx, g.width, down, func(y int, row []uint32) error {
		for x, px := range row {
			name := int(px >> 8 & 0xffff) // red and green
			if name >= maxGroups {
				return errGroups
			}
			if name >= len(used) {
				used = append(used, make([]bool, name+1-len(used))...)
			}
			used[name] = true
			g.index[y*g.width+x] = uint16(name)
		}
		return nil
	})
	return used, err
}

func (r *bitReader) readGroup(cache int, scratch []uint8) (group, error) {
	var g group
	green := literals + lengths
	if cache > 0 {
		green += cache
	}
	codes := [...]struct {
		code     *code
		alphabet int
	}{{&g.green, green}, {&g.red, literals}, {&g.blue, literals}, {&g.alpha, literals}, {&g.distance, distances}}
	for _, c := range codes {
		var err error
		if *c.code, err = r.readCode(c.alphabet, scratch); err != nil {
			return group{}, err
		}
	}
	red, ok1 := g.red.single()
	blue, ok2 := g.blue.single()
	alpha, ok3 := g.alpha.single()
	if ok1 && ok2 && ok3 {
		g.plain, g.rest = true, alpha<<24|red<<16|blue
		if symbol, ok := g.green.single(); ok && symbol < literals {
			g.solid = true
			g.rest |= symbol << 8
		}
	}
	return g, nil
}

// blocks returns how many blocks of 1<<bits pixels cover so many.
func blocks(pixels int, bits uint) int { return (pixels + 1<<bits - 1) >> bits }
