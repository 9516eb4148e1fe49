import { describeStatements } from './crash-points.ts';

describeStatements('sqlite');
