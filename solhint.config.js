'use strict'

module.exports = {
  extends: 'solhint:recommended',
  rules: {
    'compiler-version': ['error', '^0.8.24'],
    'func-visibility': ['warn', { ignoreConstructors: true }],
    // What each thing is, always; parameters where their names do not say it.
    'use-natspec': ['warn', { author: { enabled: false }, param: { enabled: false }, return: { enabled: false } }],
    // Immutables are read like functions and named like them.
    'immutable-vars-naming': ['warn', { immutablesAsConstants: false }],
    // What an event indexes is part of its shared definition, and forge's snapshots watch over gas.
    'gas-indexed-events': 'off',
    'gas-small-strings': 'off',
    'gas-strict-inequalities': 'off',
  },
}
