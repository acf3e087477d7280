// In place of a script that draws scrollbars with style attributes: our pages allow none, and the browser has its own.
const SimpleBar = { instances: new Map() };
