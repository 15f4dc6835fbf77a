/** A fraction in its lowest terms. */
export class Rational {
  constructor(
    readonly numerator: bigint,
    readonly denominator: bigint,
  ) {}

  plus(other: Rational): Rational {
    const { numerator: a, denominator: b } = this;
    const { numerator: c, denominator: d } = other;
    return rational(a * d + c * b, b * d);
  }

  times(other: Rational): Rational {
    return rational(this.numerator * other.numerator, this.denominator * other.denominator);
  }

  negated(): Rational {
    return rational(-this.numerator, this.denominator);
  }

  toString(): string {
    if (this.denominator === 1n) return String(this.numerator);
    return `${this.numerator}/${this.denominator}`;
  }
}

export function rational(numerator: bigint, denominator: bigint): Rational {
  const divisor = greatestCommonDivisor(numerator, denominator) || 1n;
  const sign = denominator < 0n ? -1n : 1n;
  return new Rational((sign * numerator) / divisor, (sign * denominator) / divisor);
}

export const ZERO: Rational = rational(0n, 1n);
export const ONE: Rational = rational(1n, 1n);
/** Denominator zero: the series ends here. */
export const END: Rational = new Rational(1n, 0n);

export function isEnd({ denominator }: Rational): boolean {
  return denominator === 0n;
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  if (b === 0n) return a < 0n ? -a : a;
  return greatestCommonDivisor(b, a % b);
}
