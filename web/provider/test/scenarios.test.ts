import { expect, test } from 'vitest'
import { scenarios } from './support/scenario'
import { ScenarioWorld } from './support/scenario-world'

const all = scenarios()

test('there are scenarios', () => {
  expect(all.length).toBeGreaterThanOrEqual(15)
})

test.each(all)('$what', async ({ steps }) => {
  const world = new ScenarioWorld()
  for (const [at, { do: action, expect: expected = {} }] of steps.entries()) {
    await world.play(action)
    expect(world.look(expected), `step ${at + 1}, ${JSON.stringify(action)}`).toEqual(expected)
  }
})
