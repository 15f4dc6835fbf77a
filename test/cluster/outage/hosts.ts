import { execFileSync, spawnSync } from 'node:child_process';

const NETWORK = '10.77.0.';
/** Belongs to nobody: what is sent there is lost on the way. */
const NOBODY = '02:00:00:00:ff:ff';

/**
 * Hosts with a network of their own between them: network namespaces of Linux, each joined to one
 * bridge by a pair of virtual interfaces. Links are cut in one direction by telling the sender a
 * wrong hardware address, so that nobody is refused: packets are lost, as on a broken cable.
 */
export class Hosts implements Disposable {
  readonly #prefix: string;
  readonly #names: readonly string[];

  private constructor(prefix: string, names: readonly string[]) {
    this.#prefix = prefix;
    this.#names = names;
  }

  /** Why this machine does not allow it; undefined when it does. */
  static whyNot(): string | undefined {
    if (process.platform !== 'linux') return 'network namespaces are of Linux';
    if (process.getuid?.() !== 0) return 'network namespaces take root';
    if (spawnSync('ip', ['-V']).error !== undefined) return 'there is no ip: install iproute2';
    try {
      Hosts.create(['a', 'b'])[Symbol.dispose]();
      return undefined;
    } catch (error) {
      return `no namespaces, bridge or veth pairs here: ${String(error).split('\n').at(-1)}`;
    }
  }

  static create(names: readonly string[]): Hosts {
    if (names.length > 250) throw new RangeError(`${names.length} hosts: one network has 250`);
    const hosts = new Hosts(`troupe${process.pid}`, names);
    process.once('exit', hosts.#remove); // Also when somebody loses patience.
    try {
      hosts.#build();
      return hosts;
    } catch (error) {
      hosts[Symbol.dispose]();
      throw error;
    }
  }

  #build(): void {
    const hub = `${this.#prefix}-hub`;
    ip(['netns', 'add', hub]);
    ip(['-n', hub, 'link', 'add', 'hub', 'type', 'bridge']);
    ip(['-n', hub, 'link', 'set', 'hub', 'up']);
    for (const [i, name] of this.#names.entries()) {
      const host = this.#namespace(name);
      ip(['netns', 'add', host]);
      ip([
        '-n',
        hub,
        'link',
        'add',
        `port${i}`,
        'type',
        'veth',
        'peer',
        'name',
        'eth0',
        'netns',
        host,
      ]);
      batch(hub, [`link set port${i} master hub`, `link set port${i} up`]);
      batch(host, [
        `address add ${this.address(name)}/24 dev eth0`,
        'link set lo up',
        'link set eth0 up',
      ]);
    }
  }

  address(name: string): string {
    const place = this.#names.indexOf(name);
    if (place === -1) throw new RangeError(`there is no host ${name}`);
    return `${NETWORK}${place + 1}`;
  }

  /** `command`, on that host. */
  on(name: string, command: readonly string[]): readonly string[] {
    return ['ip', 'netns', 'exec', this.#namespace(name), ...command];
  }

  /** From now on nothing that one of `from` sends arrives at one of `to`; the way back stays. */
  cut(from: readonly string[], to: readonly string[]): void {
    for (const host of from) {
      const lines = to.map(
        (t) => `neigh replace ${this.address(t)} lladdr ${NOBODY} dev eth0 nud permanent`,
      );
      batch(this.#namespace(host), lines);
    }
  }

  mend(from: readonly string[], to: readonly string[]): void {
    for (const host of from) {
      batch(
        this.#namespace(host),
        to.map((t) => `neigh del ${this.address(t)} dev eth0`),
      );
    }
  }

  #namespace(name: string): string {
    return `${this.#prefix}-${name}`;
  }

  /** Processes on the hosts must have ended. */
  [Symbol.dispose](): void {
    process.off('exit', this.#remove);
    this.#remove();
  }

  readonly #remove = (): void => {
    for (const name of ['hub', ...this.#names]) {
      spawnSync('ip', ['netns', 'del', this.#namespace(name)], { stdio: 'ignore' });
    }
  };
}

function ip(args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

function batch(namespace: string, lines: readonly string[]): void {
  execFileSync('ip', ['-n', namespace, '-batch', '-'], {
    input: `${lines.join('\n')}\n`,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
}
