import type { Core } from './core.ts';
import type { Member } from './member.ts';
import type { PingRequest, Update } from './message.ts';
import { learn } from './news.ts';

/** Probes and errands under way; more are not begun. */
const PROBES_MAX = 64;
const RELAYS_MAX = 256;

interface Asked {
  readonly target: Member;
  readonly generation: number;
  /** 0 when no answer is waited for. */
  readonly sequence: number;
}

interface Probe extends Asked {
  readonly startedAtMs: number;
  readonly endsAtMs: number;
  /** When to ask the target again, when to ask others. Infinity: done. */
  againAtMs: number;
  othersAtMs: number;
  nacksExpected: number;
  nacks: number;
  /** Whether an answer by datagram would still tell something about datagrams. */
  byStream: boolean;
  /** Whether it takes the place of one whose answer may not have been heard. */
  readonly isRepeated: boolean;
}

interface ProbeOptions {
  /** To see whether its address refuses. */
  readonly byStream?: boolean;
  readonly isRepeated?: boolean;
}

/** A probe on behalf of somebody else. */
interface Relay {
  readonly to: string;
  readonly sequence: number;
  readonly target: string;
  readonly verify: boolean;
  readonly endsAtMs: number;
  nackAtMs: number;
}

/** Probing: this member's own probes, and those that others ask it for (SWIM §3). */
export class Probes {
  readonly #core: Core;
  readonly #probes = new Map<number, Probe>();
  readonly #relays = new Map<number, Relay>();
  /** Targets that have answered by stream, by probe: the datagram may only be slower. */
  readonly #byStream = new Map<number, Member>();
  #sequence = 0;
  #turnAtMs: number;
  #ringAtMs: number;
  #accusations = 0;
  #accusationsFromMs = 0;

  constructor(core: Core, nowMs: number) {
    const { periodMs, ringPeriodMs } = core.settings;
    this.#core = core;
    // Members that start together must not all probe together.
    this.#turnAtMs = nowMs + core.random() * periodMs;
    this.#ringAtMs = ringPeriodMs === 0 ? Infinity : nowMs + core.random() * ringPeriodMs;
  }

  /** When `tick` has something to do. */
  get dueAtMs(): number {
    let due = Math.min(this.#turnAtMs, this.#ringAtMs);
    for (const { againAtMs, othersAtMs, endsAtMs } of this.#probes.values()) {
      due = Math.min(due, againAtMs, othersAtMs, endsAtMs);
    }
    for (const { nackAtMs, endsAtMs } of this.#relays.values()) {
      due = Math.min(due, nackAtMs, endsAtMs);
    }
    return due;
  }

  tick(): void {
    const { nowMs, settings, health, roster } = this.#core;
    for (const probe of this.#probes.values()) this.#advance(probe);
    for (const [sequence, relay] of this.#relays) this.#attend(sequence, relay);
    if (nowMs >= this.#turnAtMs) {
      this.#turnAtMs = nowMs + settings.periodMs * health.factor;
      const target = roster.next();
      if (target !== undefined) this.start(target);
    }
    if (nowMs >= this.#ringAtMs) {
      this.#ringAtMs = nowMs + settings.ringPeriodMs * health.factor;
      this.#probeRing();
    }
  }

  /** Nobody is judged by what this member did not hear while it was held up. */
  forget(pauseMs: number): void {
    const { nowMs } = this.#core;
    this.#probes.clear();
    this.#relays.clear();
    this.#turnAtMs = Math.max(this.#turnAtMs, nowMs + Math.min(pauseMs, 100));
    this.#ringAtMs = Math.max(this.#ringAtMs, nowMs + Math.min(pauseMs, 100));
  }

  /** The next on the ring, unless it was heard of anyway; with few watchers each gap is regular. */
  #probeRing(): void {
    const { roster, settings, nowMs } = this.#core;
    const [target] = roster.after(1);
    if (target === undefined) return;
    if (settings.passiveEvidence && nowMs - target.heardAtMs < settings.ringPeriodMs / 2) return;
    this.start(target);
  }

  /**
   * After a silence: answers in it were not heard, so who was asked is asked again. Once: somebody
   * may break such silences again and again, and no probe would ever come to an end.
   */
  repeat(): void {
    this.#relays.clear();
    const probes = Array.from(this.#probes.values());
    for (const { sequence, target, byStream, isRepeated } of probes) {
      if (isRepeated) continue;
      this.#probes.delete(sequence);
      this.start(target, { byStream, isRepeated: true });
    }
  }

  start(target: Member, options: ProbeOptions = {}): void {
    const { byStream = false, isRepeated = false } = options;
    if (this.#probes.size >= PROBES_MAX || this.#isProbing(target)) return;
    const { settings, health, nowMs } = this.#core;
    const factor = settings.scaleTimeout ? health.factor : 1;
    const periodMs = settings.ringPeriodMs === 0 ? settings.periodMs : settings.ringPeriodMs;
    const probe: Probe = {
      target,
      generation: target.generation,
      sequence: (this.#sequence += 1),
      startedAtMs: nowMs,
      endsAtMs: nowMs + periodMs * health.factor,
      againAtMs: settings.askAgainAfterMs === 0 ? Infinity : nowMs + settings.askAgainAfterMs,
      othersAtMs: nowMs + settings.probeTimeoutMs * factor,
      nacksExpected: 0,
      nacks: 0,
      byStream: byStream || target.isDeaf,
      isRepeated,
    };
    this.#probes.set(probe.sequence, probe);
    this.#ping(probe, 'datagram');
    if (probe.byStream) this.#ping(probe, 'stream');
  }

  /**
   * Whether its address refuses, which evidence will tell. That it is merely silent is for probes
   * to find, in their own time.
   */
  inquire(target: Member): void {
    this.#ping({ target, generation: target.generation, sequence: 0 }, 'stream');
  }

  #isProbing(target: Member): boolean {
    for (const probe of this.#probes.values()) if (probe.target === target) return true;
    return false;
  }

  #ping({ target, generation, sequence }: Asked, via: 'datagram' | 'stream'): void {
    const { settings, self } = this.#core;
    const accused = settings.buddy && target.state === 'suspect';
    const first: readonly Update[] = accused ? [target.news(self.name)] : [];
    const { digest } = this.#core;
    const message = { kind: 'ping', sequence, target: target.name, generation, digest } as const;
    this.#core.send(target.address, message, { via, first });
  }

  #advance(probe: Probe): void {
    const { nowMs, settings } = this.#core;
    const { target } = probe;
    if (!target.isPresent || target.generation !== probe.generation) {
      this.#probes.delete(probe.sequence);
      return;
    }
    if (nowMs >= probe.endsAtMs) return this.#end(probe);
    if (settings.passiveEvidence && target.heardAtMs > probe.startedAtMs) {
      this.#succeed(probe);
      return;
    }
    if (nowMs >= probe.againAtMs) {
      probe.againAtMs = Infinity;
      this.#ping(probe, 'datagram');
    }
    if (nowMs >= probe.othersAtMs) {
      probe.othersAtMs = Infinity;
      this.#askOthers(probe);
      if (settings.streamFallback && !probe.byStream) this.#ping(probe, 'stream');
    }
  }

  #askOthers(probe: Probe): void {
    const { settings, roster, nowMs } = this.#core;
    const { target, generation, sequence } = probe;
    const helpers = roster.some(
      settings.indirectProbes,
      (member) => member === target || member.state !== 'alive',
    );
    if (settings.nackAt > 0) probe.nacksExpected = helpers.length;
    const message: PingRequest = {
      kind: 'ping-request',
      sequence,
      target: target.name,
      address: target.address,
      generation,
      deadlineMs: Math.ceil(probe.endsAtMs - nowMs),
      verify: false,
    };
    for (const helper of helpers) this.#core.send(helper.address, message);
  }

  #end(probe: Probe): void {
    const { settings, self } = this.#core;
    const { target } = probe;
    this.#probes.delete(probe.sequence);
    if (settings.passiveEvidence && target.heardAtMs > probe.startedAtMs) return;
    // A helper that said nothing shows that this member itself may not hear; silence of the
    // target alone does not, when all helpers have spoken (Lifeguard §IV-A).
    const missed = probe.nacksExpected - probe.nacks;
    this.#core.doubt(probe.nacksExpected > 0 ? Math.max(0, missed) : 1);
    if (!this.#mayAccuse()) return;
    learn(this.#core, {
      kind: 'suspect',
      name: target.name,
      generation: target.generation,
      incarnation: target.incarnation,
      by: self.name,
      health: this.#core.health.score,
    });
  }

  #mayAccuse(): boolean {
    const { nowMs, settings } = this.#core;
    if (nowMs - this.#accusationsFromMs >= settings.periodMs) {
      this.#accusationsFromMs = nowMs;
      this.#accusations = 0;
    }
    this.#accusations += 1;
    return this.#accusations <= settings.accusationsMax;
  }

  #succeed(probe: Probe): void {
    this.#probes.delete(probe.sequence);
    this.#core.ackedAtMs = this.#core.nowMs;
    this.#core.doubt(-1);
  }

  onAck(sequence: number, via: 'datagram' | 'stream'): void {
    const probe = this.#probes.get(sequence);
    if (probe !== undefined) {
      const { target } = probe;
      if (via === 'datagram') target.deaf = 0;
      else this.#answeredByStream(sequence, target);
      return this.#succeed(probe);
    }
    const late = via === 'datagram' ? this.#byStream.get(sequence) : undefined;
    if (late !== undefined) late.deaf = 0;
    const relay = this.#relays.get(sequence);
    if (relay === undefined) return;
    this.#relays.delete(sequence);
    this.#core.send(relay.to, { kind: 'ack', sequence: relay.sequence });
  }

  #answeredByStream(sequence: number, target: Member): void {
    if (target.deaf < 255) target.deaf += 1;
    const [oldest] = this.#byStream.keys();
    if (oldest !== undefined && this.#byStream.size >= PROBES_MAX) this.#byStream.delete(oldest);
    this.#byStream.set(sequence, target);
  }

  onNack(sequence: number): void {
    const probe = this.#probes.get(sequence);
    if (probe !== undefined) probe.nacks += 1;
  }

  onPingRequest(from: string, request: PingRequest): void {
    if (this.#relays.size >= RELAYS_MAX) return;
    const { settings, nowMs } = this.#core;
    const { target, address, generation, deadlineMs, verify } = request;
    const patienceMs = settings.nackAtOwnTimeout
      ? settings.probeTimeoutMs
      : deadlineMs * settings.nackAt;
    const sequence = (this.#sequence += 1);
    this.#relays.set(sequence, {
      to: from,
      sequence: request.sequence,
      target,
      verify,
      endsAtMs: nowMs + Math.max(deadlineMs, patienceMs),
      nackAtMs: settings.nackAt === 0 ? Infinity : nowMs + patienceMs,
    });
    const { digest } = this.#core;
    const ping = { kind: 'ping', sequence, target, generation, digest } as const;
    this.#core.send(address, ping, { via: verify ? 'stream' : 'datagram' });
  }

  #attend(sequence: number, relay: Relay): void {
    const { nowMs } = this.#core;
    if (nowMs >= relay.nackAtMs) {
      relay.nackAtMs = Infinity;
      this.#core.send(relay.to, { kind: 'nack', sequence: relay.sequence });
    }
    if (nowMs >= relay.endsAtMs) this.#relays.delete(sequence);
  }

  /** The target of an errand refuses streams, which is what was to be found out. */
  onRefused(target: string): void {
    for (const [sequence, relay] of this.#relays) {
      if (!relay.verify || relay.target !== target) continue;
      this.#relays.delete(sequence);
      this.#core.send(relay.to, { kind: 'refused', sequence: relay.sequence });
    }
  }
}
