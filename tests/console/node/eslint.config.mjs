// What the console's scripts may not do; how they are laid out is Prettier's business.
import { createRequire } from "node:module";

// The packages stand beside neither this file nor the scripts.
const require = createRequire(`${process.env.NODE_PACKAGES}/`);
const globals = require("globals");
const js = require("@eslint/js");

export default [
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: globals.browser },
    rules: {
      eqeqeq: "error",
      // The house's measure, as for Python.
      "max-lines-per-function": ["error", 60],
      "no-unused-vars": "error",
      "no-var": "error",
      "prefer-const": "error",
    },
  },
];
