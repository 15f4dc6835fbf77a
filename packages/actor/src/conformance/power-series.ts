import assert from 'node:assert/strict';
import { select, sending } from '../select.ts';
import type { ChannelCase, ChannelEnds } from './case.ts';
import { Program } from './program.ts';
import { END, isEnd, ONE, type Rational, rational, ZERO } from './rational.ts';

/**
 * A power series as a pair of channels: whoever wants the next coefficient asks for it first.
 * @see McIlroy 1990, "Squinting at Power Series"
 */
interface Series {
  readonly requests: ChannelEnds<number>;
  readonly terms: ChannelEnds<unknown>;
}

/** How a coefficient looks on the channel: powser1 sends it by value, powser2 by pointer. */
interface Element {
  wrap(term: Rational): unknown;
  unwrap(element: unknown): Rational;
}

const byValue: Element = {
  wrap: ({ numerator, denominator }) => [numerator, denominator],
  unwrap(element) {
    const [numerator, denominator] = element as [bigint, bigint];
    return rational(numerator, denominator);
  },
};

const byReference: Element = {
  wrap: (term) => ({
    item: { numerator: term.numerator, denominator: term.denominator },
  }),
  unwrap(element) {
    const { numerator, denominator } = (element as { readonly item: Rational }).item;
    return rational(numerator, denominator);
  },
};

/** Each operation is a goroutine that asks its operands for as much as it is asked for. */
class Algebra {
  readonly #program: Program;
  readonly #element: Element;
  #sequence = 0;

  constructor(program: Program, element: Element) {
    this.#program = program;
    this.#element = element;
  }

  async get(u: Series): Promise<Rational> {
    await u.requests.sender.send(this.#next());
    return this.#term(u);
  }

  constant(value: Rational): Promise<Series> {
    return this.#produce(async (z) => {
      for (;;) await this.#put(value, z);
    });
  }

  add(u: Series, v: Series): Promise<Series> {
    return this.#produce(async (z) => {
      for (;;) {
        await z.requests.receiver.receive();
        const [a, b] = await this.#getBoth(u, v);
        if (isEnd(a) || isEnd(b)) {
          await this.#give(isEnd(a) ? b : a, z);
          if (!isEnd(a) || !isEnd(b)) await this.#copy(isEnd(a) ? v : u, z);
        } else {
          await this.#give(a.plus(b), z);
        }
      }
    });
  }

  scale(factor: Rational, u: Series): Promise<Series> {
    return this.#produce(async (z) => {
      for (;;) {
        await z.requests.receiver.receive();
        const term = await this.get(u);
        await this.#give(isEnd(term) ? END : factor.times(term), z);
        if (isEnd(term)) return;
      }
    });
  }

  async subtract(u: Series, v: Series): Promise<Series> {
    return this.add(u, await this.scale(ONE.negated(), v));
  }

  /** (u + xU)(v + xV) = uv + x(uV + vU) + xxUV */
  multiply(u: Series, v: Series): Promise<Series> {
    return this.#produce(async (z) => {
      await z.requests.receiver.receive();
      const [a, b] = await this.#getBoth(u, v);
      if (isEnd(a) || isEnd(b)) return this.#give(END, z);
      await this.#give(a.times(b), z);
      const us = await this.#split(u);
      const vs = await this.#split(v);
      const w = await this.add(await this.scale(a, vs[0]), await this.scale(b, us[0]));
      await z.requests.receiver.receive();
      await this.#give(await this.get(w), z);
      await this.#copy(await this.add(w, await this.multiply(us[1], vs[1])), z);
    });
  }

  differentiate(u: Series): Promise<Series> {
    return this.#produce(async (z) => {
      await z.requests.receiver.receive();
      let term = await this.get(u);
      for (let i = 1n; !isEnd(term); i += 1n) {
        term = await this.get(u);
        if (isEnd(term)) break;
        await this.#give(rational(i, 1n).times(term), z);
        await z.requests.receiver.receive();
      }
      await this.#give(END, z);
    });
  }

  integrate(constant: Rational, u: Series): Promise<Series> {
    return this.#produce(async (z) => {
      await this.#put(constant, z);
      for (let i = 1n; ; i += 1n) {
        await z.requests.receiver.receive();
        const term = await this.get(u);
        await this.#give(isEnd(term) ? END : rational(1n, i).times(term), z);
        if (isEnd(term)) return;
      }
    });
  }

  /** Z = exp(U) where Z' = ZU': a series that is its own operand. */
  async exponential(u: Series): Promise<Series> {
    const zs: [Series, Series] = [await this.#series(), await this.#series()];
    const derivative = await this.differentiate(u);
    const product = await this.multiply(zs[0], derivative);
    this.#splitInto(await this.integrate(ONE, product), zs);
    return zs[1];
  }

  /** U(cx²): every other coefficient is zero. */
  substituteSquare(u: Series, c: Rational): Promise<Series> {
    return this.#produce(async (z) => {
      for (let power = ONE; ; power = power.times(c)) {
        await z.requests.receiver.receive();
        const term = await this.get(u);
        await this.#give(isEnd(term) ? END : term.times(power), z);
        if (isEnd(term)) return;
        await this.#put(ZERO, z);
      }
    });
  }

  async #series(): Promise<Series> {
    return {
      requests: await this.#program.make<number>(),
      terms: await this.#program.make<unknown>(),
    };
  }

  async #produce(body: (z: Series) => Promise<void>): Promise<Series> {
    const z = await this.#series();
    this.#program.run(() => body(z));
    return z;
  }

  #next(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  async #term(u: Series): Promise<Rational> {
    return this.#element.unwrap(await u.terms.receiver.receive());
  }

  async #give(term: Rational, z: Series): Promise<void> {
    await z.terms.sender.send(this.#element.wrap(term));
  }

  async #put(term: Rational, z: Series): Promise<void> {
    await z.requests.receiver.receive();
    await this.#give(term, z);
  }

  async #copy(u: Series, z: Series): Promise<never> {
    for (;;) {
      await z.requests.receiver.receive();
      await this.#give(await this.get(u), z);
    }
  }

  /** Asks both at once, and takes their answers in whatever order they come. */
  async #getBoth(u: Series, v: Series): Promise<[Rational, Rational]> {
    const both = [u, v] as const;
    const asked = [false, false];
    const terms: [Rational, Rational] = [END, END];
    const had = [false, false];
    for (let step = 0; step < 4; step += 1) {
      const number = this.#next();
      const ask = (i: 0 | 1) => !asked[i] && sending(both[i].requests.sender, number);
      const take = (i: 0 | 1) => asked[i] && !had[i] && both[i].terms.receiver;
      const r = await select({ ask0: ask(0), ask1: ask(1), take0: take(0), take1: take(1) });
      const i = r.case === 'ask0' || r.case === 'take0' ? 0 : 1;
      if (r.case === 'ask0' || r.case === 'ask1') {
        asked[i] = true;
      } else {
        assert.ok(r.ok);
        terms[i] = this.#element.unwrap(r.value);
        had[i] = true;
      }
    }
    return terms;
  }

  async #split(u: Series): Promise<readonly [Series, Series]> {
    const out: [Series, Series] = [await this.#series(), await this.#series()];
    this.#splitInto(u, out);
    return out;
  }

  #splitInto(u: Series, out: [Series, Series]): void {
    this.#program.run(async () => {
      const release = await this.#program.make<number>();
      this.#program.run(() => this.#serve(u, out, release));
      await release.sender.send(0);
    });
  }

  /**
   * One term for both outputs, which may be read at different rates. The newest of these serves
   * whichever output is ahead, the others hold what the output behind has still to get; `release`
   * says that all older ones have given away theirs.
   */
  async #serve(
    u: Series,
    out: readonly [Series, Series],
    release: ChannelEnds<number>,
  ): Promise<void> {
    let [ahead, behind] = out;
    const first = await select({
      ahead: ahead.requests.receiver,
      release: release.receiver,
    });
    const isReleased = first.case === 'release';
    if (isReleased) {
      const which = await select({ 0: ahead.requests.receiver, 1: behind.requests.receiver });
      if (String(which.case) === '1') [ahead, behind] = [behind, ahead];
    }
    await u.requests.sender.send(this.#next());
    const next = await this.#program.make<number>();
    this.#program.run(() => this.#serve(u, [ahead, behind], next));
    const term = await this.#term(u);
    await this.#give(term, ahead);
    if (!isReleased) await release.receiver.receive();
    await behind.requests.receiver.receive();
    await this.#give(term, behind);
    await next.sender.send(0);
  }
}

const FRACTIONS = '1 1 3/2 13/6 73/24 167/40 4051/720 37633/5040 43817/4480 4596553/362880'.split(
  ' ',
);

/** Name, how to make it, and its first coefficients. */
type Line = readonly [string, (a: Algebra) => Promise<Series>, readonly string[]];

const ones = (a: Algebra): Promise<Series> => a.constant(ONE);
const twos = (a: Algebra): Promise<Series> => a.constant(rational(2n, 1n));
const tenTimes = (text: string): string[] => Array<string>(10).fill(text);

const lines: readonly Line[] = [
  ['1/(1-x)', ones, tenTimes('1')],
  ['sum', async (a) => a.add(await ones(a), await twos(a)), tenTimes('3')],
  ['difference', async (a) => a.subtract(await ones(a), await twos(a)), tenTimes('-1')],
  ['multiple', async (a) => a.scale(ONE.negated(), await twos(a)), tenTimes('-2')],
  [
    'derivative',
    async (a) => a.differentiate(await ones(a)),
    ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'],
  ],
  [
    'integral',
    async (a) => a.integrate(ZERO, await ones(a)),
    ['0', '1', '1/2', '1/3', '1/4', '1/5', '1/6', '1/7', '1/8', '1/9'],
  ],
  [
    'product',
    async (a) => a.multiply(await ones(a), await ones(a)),
    ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'],
  ],
  ['exponential', async (a) => a.exponential(await ones(a)), FRACTIONS],
  [
    'arc tangent',
    async (a) => a.integrate(ZERO, await a.substituteSquare(await ones(a), ONE.negated())),
    ['0', '1', '0', '-1/3', '0', '1/5', '0', '-1/7', '0', '1/9'],
  ],
];

function powerSeriesCase(name: string, element: Element): ChannelCase {
  return {
    name,
    needs: [],
    async run(carrier) {
      for (const [what, make, expected] of lines) {
        const program = new Program(carrier);
        const algebra = new Algebra(program, element);
        const series = await make(algebra);
        const found: string[] = [];
        for (const _ of expected) found.push(String(await algebra.get(series)));
        program.stop();
        assert.deepEqual(found, expected, what);
      }
    },
  };
}

export const powerSeries: readonly ChannelCase[] = [
  powerSeriesCase('powser1.go: power series as goroutines, coefficients by value', byValue),
  powerSeriesCase('powser2.go: power series as goroutines, coefficients by reference', byReference),
];
