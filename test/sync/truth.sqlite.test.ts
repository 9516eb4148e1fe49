import { describeTruth } from './truth.ts';

describeTruth('sqlite');
