// The floor's program in a process that has loaded Troupe, and uses none of it.
import 'troupe';
import './floor-remote.ts';
