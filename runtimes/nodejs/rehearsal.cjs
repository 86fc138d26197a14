// A function for the bootstrap to practise on while it waits for a real one.
exports.handler = async (event) => event;
