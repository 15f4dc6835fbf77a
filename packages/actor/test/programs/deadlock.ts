// Run by parked-goroutines.test.ts: a program that does what Go would refuse to go on with.
import { channel, go, ParkedGoroutines, select, sending } from '@troupe/actor';

new ParkedGoroutines().reportAtExit();
const requests = channel<string>();
const replies = channel<string>();

async function server(): Promise<void> {
  for await (const request of requests) await replies.send(request.toUpperCase());
}

async function client(): Promise<void> {
  await requests.send('a');
  await requests.send('b'); // Nobody takes the first reply, so nobody takes the second request.
  await replies.receive();
}

go(server);
go(client);
go(async () => {
  await select({ other: channel<string>(4), back: sending(channel<string>(), 'x') });
});
