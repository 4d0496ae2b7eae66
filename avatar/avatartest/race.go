package avatartest

import (
	"context"
	"fmt"
	"image/color"
	"math/rand/v2"
	"strings"
	"time"

	"gocloud.dev/blob"

	"github.com/cruddur/avatarkit/avatar"
)

// play lets several processes work at once, one operation at a time, in an order that the seed draws.
func play(ctx context.Context, seed uint64, uploads, assets *blob.Bucket) error {
	rng := rand.New(rand.NewPCG(seed, 1))
	w, err := newWorld(uploads, assets, avatar.Options{Quarantine: rng.IntN(2) == 0, MaxAttempts: 1 << 20})
	if err != nil {
		return err
	}
	if rng.IntN(2) == 0 {
		w.page = 1 + rng.IntN(3)
	}
	p := &player{w: w, rng: rng, turns: make(chan turn), rank: map[string]float64{}, faults: max(0, rng.IntN(8)-3), fair: rng.IntN(3) == 0, weak: rng.IntN(4) == 0}
	p.cast(ctx)
	wrong := p.run(ctx)
	if wrong == nil {
		wrong = w.settle(ctx)
	}
	if wrong != nil {
		return fmt.Errorf("%w\n%s", wrong, strings.Join(p.done, "\n"))
	}
	return w.clear(ctx)
}

// player draws who comes next.
type player struct {
	w       *world
	rng     *rand.Rand
	turns   chan turn
	waiting []turn
	running int
	rank    map[string]float64 // the highest waiting one comes next, so that some stand still for long
	faults  int                // that are still to befall somebody
	fair    bool               // draw evenly instead
	weak    bool               // machines are
	ending  bool               // something was wrong: let all end
	done    history
}

// turn is somebody who waits for the permission to do one operation, who begins, or who has ended.
type turn struct {
	who, op, key string
	begin        func()
	ended        bool
	permit       chan permit
}

type permit struct {
	fault fault
	last  bool
}

const tries = 30 // that somebody makes before giving up

// begin starts what who does. Each of its operations waits for its turn. It may be called before run and from a turn.
func (p *player) begin(who string, act func(turns func(op, key string) (fault, bool))) {
	start := func() {
		act(func(op, key string) (fault, bool) {
			t := turn{who: who, op: op, key: key, permit: make(chan permit)}
			p.turns <- t
			got := <-t.permit
			return got.fault, got.last
		})
		p.turns <- turn{who: who, ended: true}
	}
	p.turns <- turn{who: who, begin: start}
}

// cast begins everybody, in a goroutine that ends when all are begun.
func (p *player) cast(ctx context.Context) {
	p.running++
	type part struct {
		who string
		act func(gate func(op, key string) (fault, bool))
	}
	var parts []part
	add := func(chance int, who string, do func(m *machine) error) {
		if p.rng.IntN(100) < chance {
			parts = append(parts, part{who, p.insist(do)})
		}
	}
	for _, subject := range subjects {
		plan := make([]color.NRGBA, 1+p.rng.IntN(3))
		for i := range plan {
			plan[i] = color.NRGBA{uint8(p.rng.IntN(256)), uint8(p.rng.IntN(256)), uint8(p.rng.IntN(256)), 0xff}
			if p.rng.IntN(5) == 0 {
				plan[i].A = 0 // stands for what is no picture
			}
		}
		parts = append(parts, part{"browser of " + subject, func(gate func(op, key string) (fault, bool)) { p.browse(ctx, subject, plan, gate) }})
		if subject != subjects[0] {
			break
		}
		add(40, "eraser", func(m *machine) error { return p.w.erase(ctx, m, subject) })
		add(30, "cropper", func(m *machine) error { return recrop(ctx, p.w, m) })
	}
	add(50, "sweeper", func(m *machine) error { return sweep(ctx, p.w, m) })
	add(30, "other sweeper", func(m *machine) error { return sweep(ctx, p.w, m) })
	add(30, "filler", func(m *machine) error { return backfill(ctx, p.w, m) })
	if p.rng.IntN(4) == 0 && original(ctx, p.w) == nil {
		add(100, "adopter", func(m *machine) error { return adopt(ctx, p.w, m) })
	}
	add(30, "recoverer", func(m *machine) error { return recoverAll(ctx, p.w, m) })
	go func() {
		for _, part := range parts {
			p.begin(part.who, part.act)
		}
		p.turns <- turn{ended: true}
	}()
}

// insist does it in one process after another until it succeeds.
func (p *player) insist(do func(m *machine) error) func(func(op, key string) (fault, bool)) {
	return func(gate func(op, key string) (fault, bool)) {
		gate("begin", "")
		for range tries {
			m := p.w.calm()
			m.gate, m.weak = gate, p.weak
			if do(m) == nil || p.ending {
				return
			}
		}
	}
}

// browse uploads what is planned; the store sends events of each, or none, and a restless one before the object is there.
func (p *player) browse(ctx context.Context, subject string, plan []color.NRGBA, gate func(op, key string) (fault, bool)) {
	for i, c := range plan {
		gate("grant", subject)
		good := c.A != 0
		c.A = 0xff
		f, err := p.w.grant(subject, c, good)
		if err != nil || p.ending {
			return
		}
		events := p.rng.IntN(4)
		for n := range events {
			p.begin(fmt.Sprintf("worker %d on upload %d of %s", n, i, subject), p.insist(func(m *machine) error { return p.w.process(ctx, m, f) }))
		}
		m := p.w.calm()
		m.gate = func(op, key string) (fault, bool) {
			gate(op, key)
			return none, false
		}
		_ = p.w.put(ctx, m, f)
	}
}

// run gives one turn after another until nobody is left.
func (p *player) run(ctx context.Context) error {
	var wrong error
	for {
		for p.running > 0 {
			t := <-p.turns
			switch {
			case t.begin != nil:
				p.rank[t.who] = p.rng.Float64()
				p.running++
				go t.begin()
			case t.ended:
				p.running--
			default:
				p.running--
				p.waiting = append(p.waiting, t)
			}
		}
		if wrong == nil {
			if wrong = p.w.check(ctx); wrong != nil {
				p.ending = true
			}
		}
		if len(p.waiting) == 0 {
			return wrong
		}
		p.next()
	}
}

// next lets one of those who wait go on.
func (p *player) next() {
	chosen := 0
	for i, t := range p.waiting {
		if p.rank[t.who] > p.rank[p.waiting[chosen].who] {
			chosen = i
		}
	}
	if p.fair {
		chosen = p.rng.IntN(len(p.waiting))
	}
	t := p.waiting[chosen]
	p.waiting = append(p.waiting[:chosen], p.waiting[chosen+1:]...)
	if p.rng.IntN(10) == 0 {
		p.rank[t.who] = p.rng.Float64()
	}
	if p.rng.IntN(80) == 0 {
		d := []time.Duration{time.Minute, time.Hour, 7 * time.Hour, 25 * time.Hour, 49 * time.Hour}[p.rng.IntN(5)]
		p.w.advance(d)
		p.w.disturbed = p.w.disturbed || d > 6*time.Hour // who was publishing may give up
		p.done.add("%v later", d)
	}
	got := permit{none, p.ending}
	if p.faults > 0 && p.rng.IntN(25) == 0 {
		p.faults--
		got = permit{fault(1 + p.rng.IntN(4)), p.rng.IntN(2) == 0}
	}
	if !p.ending {
		p.done.add("%s: %s %s%s", t.who, t.op, t.key, map[permit]string{
			{before, false}: " fails", {after, false}: " loses its answer", {torn, false}: " breaks off", {twice, false}: " is made twice",
			{before, true}: " ends the process", {after, true}: " ends the process after it", {torn, true}: " ends the process half way",
			{twice, true}: " ends the process after it was made twice",
		}[got])
	}
	p.running++
	t.permit <- got
}
