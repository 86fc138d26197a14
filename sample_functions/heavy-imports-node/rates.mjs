// Stands for a module that works when it is imported: it reckons a table nobody may ask for.

const days = 400_000;

export const rates = new Map();
for (let day = 0; day < days; day += 1) {
  rates.set(`day-${day}`, Math.round(100 * (1 + Math.sin(day / 30) / 10)) / 100);
}
