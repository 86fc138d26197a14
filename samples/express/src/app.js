// An ordinary Express application; serverless-http turns events into requests.
const express = require("express");
const serverless = require("serverless-http");

const app = express();
app.use(express.json());

app.get("/", (request, response) => response.type("html").send("<h1>Hello</h1>"));
app.get("/greet/:name", (request, response) => response.json({ hello: request.params.name }));
app.post("/echo", (request, response) => response.status(201).json(request.body));

exports.handler = serverless(app);
