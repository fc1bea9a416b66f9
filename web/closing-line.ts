import type { Reporter, TestModule } from 'vitest/node'

/** Ends a run with one line that every tool can read. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const states = modules.flatMap(statesOf)
    const count = (state: string): number => states.filter((each) => each === state).length
    process.stdout.write(`${count('passed')} passed, ${count('failed')} failed\n`)
  }
}

/** How each test of a file ended. A file that failed outside of its tests counts as one more. */
function statesOf(module: TestModule): string[] {
  const states: string[] = [...module.children.allTests()].map((test) => test.result().state)
  const failedOutside = module.state() === 'failed' && !states.includes('failed')
  return failedOutside ? [...states, 'failed'] : states
}
