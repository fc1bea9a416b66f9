import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { COLOUR_COUNT, memberColours } from '../src'

let seed = 1
const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below
const room = (size: number): number[] => Array.from({ length: size }, () => random(1_000_000_000))

test('as many members as there are colours have one each, whatever their numbers', () => {
  for (let round = 0; round < 1_000; round++) {
    const colours = memberColours(room(COLOUR_COUNT))
    expect(new Set([...colours.values()].map(({ color }) => color)).size).toBe(colours.size)
  }
  const alike = Array.from({ length: COLOUR_COUNT }, (_, i) => 5 + i * COLOUR_COUNT)
  expect(new Set([...memberColours(alike).values()].map(({ color }) => color)).size).toBe(COLOUR_COUNT)
})

test('one more than there are colours shares one, and everybody has one', () => {
  const members = room(COLOUR_COUNT + 1)
  const colours = [...memberColours(members).values()].map(({ color }) => color)
  expect([colours.length, new Set(colours).size]).toEqual([COLOUR_COUNT + 1, COLOUR_COUNT])
})

test('the list decides, not the order in which one heard of people', () => {
  const members = room(8)
  expect(new Map([...memberColours([...members].reverse())].sort())).toEqual(new Map([...memberColours(members)].sort()))
})

test('nobody takes the colour of somebody whose number names it, but who has the same and a lower number', () => {
  const ada = 5 + 2 * COLOUR_COUNT
  const others = [6, 7, 5 + 3 * COLOUR_COUNT, ...room(6).map((id) => id - (id % COLOUR_COUNT) + 4)]
  const alone = memberColours([ada]).get(ada)
  expect(memberColours([ada, ...others]).get(ada)).toEqual(alone)
  expect(memberColours([ada, 5]).get(ada)).not.toEqual(alone)
})

test('the terminal and the server give the same colours', () => {
  const file = new URL('../../../tests/vectors/colours.json', import.meta.url)
  const rooms = JSON.parse(readFileSync(file, 'utf8')) as { members: number[]; colours: string[] }[]
  expect(rooms.length).toBeGreaterThanOrEqual(10)
  for (const { members, colours } of rooms) {
    const given = memberColours([...members].reverse())
    expect(members.map((member) => given.get(member)?.color)).toEqual(colours)
  }
})
