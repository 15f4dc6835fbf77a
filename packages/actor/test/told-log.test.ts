import test from 'ava';
import { type LogNews, toldLog } from '@troupe/actor/internal';

test('what is logged for another thread is a copy, or a text of what cannot be copied', (t) => {
  const told: LogNews[] = [];
  const log = toldLog((news) => void told.push(news));
  const names = ['ada'];
  const bark = (): string => 'wuff';

  log.warn({ names, bark }, 'a dog');
  names.push('bob');

  const fields = { names: ['ada'], bark: String(bark) };
  t.deepEqual(told, [{ kind: 'log', level: 'warn', fields, message: 'a dog' }]);
});
