import { measureWorkers } from './workers.ts';

await measureWorkers(1);
