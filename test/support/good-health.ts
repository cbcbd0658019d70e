/**
 * The health of a receiver that always takes something else: for tests of what comes after the evidence.
 */
import { Health } from '../../src/deliver/health.ts';

export class GoodHealth extends Health {
  override isWellSince(): boolean {
    return true;
  }
}
