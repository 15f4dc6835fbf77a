import type { Mistake } from '../mistake.ts';

/**
 * Mistakes put into a copy of the compiled core, each one that an implementation has or had, or
 * that a rule of this one is there to avoid. The simulator has to find every one of them.
 */
export interface Mutant extends Mistake {
  /** The scenario that must find it. */
  readonly scenario: string;
}

export const mutants: readonly Mutant[] = [
  {
    name: 'own accusations count although no own probe is answered',
    scenario: 'S1',
    file: 'gossip.js',
    find: 'if (this.#isDoubtful(suspicion)) {',
    replace: 'if (false) {',
  },
  {
    name: 'after a pause timers judge before sockets are read',
    scenario: 'S7',
    file: 'gossip.js',
    find: 'lateMs > settings.lateMs && this.#isExcused(lateMs)',
    replace: 'false',
  },
  {
    name: 'nobody objects to a suspicion',
    scenario: 'S1',
    file: 'news.js',
    find: 'speakAnew(core, accusation.incarnation + 1);',
    replace: '',
  },
  {
    name: 'a nack comes after its deadline',
    scenario: 'S2',
    file: 'probes.js',
    find: ': deadlineMs * settings.nackAt;',
    replace: ': deadlineMs * 1.2;',
  },
  {
    name: 'a refusal proves nothing',
    scenario: 'S2',
    file: 'trials.js',
    find: 'onRefused(member) {',
    replace: 'onRefused(member) { return;',
  },
  {
    name: 'one refusal is enough, whoever is in between',
    scenario: 'S4',
    file: 'trials.js',
    find: 'if (witnesses.length === 0)',
    replace: 'if (true)',
  },
  {
    name: 'an old word revives one that failed',
    scenario: 'S8',
    file: 'news.js',
    find: 'else if (member.incarnation > update.incarnation)\n        return true;',
    replace: '',
  },
  {
    name: 'the generation does not count',
    scenario: 'S3',
    file: 'member.js',
    find: 'if (this.generation !== generation)\n            return this.generation > generation;',
    replace: '',
  },
  {
    name: 'the lost are not called again',
    scenario: 'S5',
    file: 'sync.js',
    find: 'this.#callFailed();',
    replace: '',
  },
  {
    name: 'that one has failed is believed of whoever says so',
    scenario: 'S5',
    file: 'news.js',
    find: 'return suspicion?.isHalfOver(nowMs) === true && heardAtMs <= suspicion.startedAtMs;',
    replace: 'return true;',
  },
  {
    name: 'two clusters hear each other',
    scenario: 'S5',
    file: 'gossip.js',
    find: 'packet.cluster !== core.cluster || ',
    replace: '',
  },
  {
    name: 'streams are not tried',
    scenario: 'S4',
    file: 'probes.js',
    find: 'if (settings.streamFallback && !probe.byStream)',
    replace: 'if (false)',
  },
  {
    name: 'others are not asked to probe',
    scenario: 'S4',
    file: 'probes.js',
    find: 'for (const helper of helpers)',
    replace: 'for (const helper of [])',
  },
  {
    name: 'versions are not compared',
    scenario: 'S6',
    file: 'news.js',
    find: 'if (!hasCommonVersion(core.self, update)) {',
    replace: 'if (false) {',
  },
  {
    name: 'after a silence suspects are judged by what was not heard',
    scenario: 'S2',
    file: 'gossip.js',
    find: 'member.suspicion?.renew(nowMs);\n            this.#probes.start(member);',
    replace: '',
  },
  {
    name: 'a new word keeps its number',
    scenario: 'S6',
    file: 'gossip.js',
    find: 'this.#core.self.incarnation + 1);',
    replace: 'this.#core.self.incarnation);',
  },
  {
    name: 'the greatest incarnation is the last word',
    scenario: 'S8',
    file: 'news.js',
    find: 'return beginGeneration(core, core.self.generation + 1);',
    replace: 'return;',
  },
  {
    name: 'a packet is filled beyond its limit',
    scenario: 'S7',
    file: 'core.js',
    find: 'this.settings.packetBytesMax - packetBytes(packet)',
    replace: 'this.settings.packetBytesMax',
  },
  {
    name: 'news is never forgotten',
    scenario: 'S7',
    file: 'rumors.js',
    find: 'if (rumor.sent < sendsMax)',
    replace: 'if (true)',
  },
  {
    name: 'suspicions never end',
    scenario: 'S2',
    file: 'gossip.js',
    find: 'suspicion.dueAtMs > nowMs',
    replace: 'true',
  },
  {
    name: 'a new generation is not taken in while the one before is present',
    scenario: 'S3',
    file: 'news.js',
    find: "setState(core, member, 'failed');",
    replace: 'return;',
  },
  {
    name: 'a suspect that was heard once is never given up',
    scenario: 'S9',
    file: 'gossip.js',
    find: 'suspicion.beginAnew(nowMs);',
    replace: 'suspicion.postpone(nowMs - suspicion.dueAtMs + settings.probeTimeoutMs);',
  },
  {
    name: 'the name of a suspect is given away',
    scenario: 'S10',
    file: 'gossip.js',
    find: 'holder?.isPresent === true &&',
    replace: "holder?.state === 'alive' &&",
  },
  {
    name: 'a claim that is refused is believed all the same',
    scenario: 'S10',
    file: 'gossip.js',
    find: 'if (!isTaken)',
    replace: 'if (true)',
  },
  {
    name: 'who hears somebody doubts itself for ever',
    scenario: 'S11',
    file: 'gossip.js',
    find: '<= DOUBTS_MAX * lonelyAfterMs',
    replace: '< Infinity',
  },
  {
    name: 'what a refusal proved wrongly it proves again',
    scenario: 'S12',
    file: 'trials.js',
    find: 'member.isPresent && member.wasConvicted',
    replace: 'false',
  },
];
