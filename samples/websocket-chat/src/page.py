"""The page of the chat: what is said appears, what one types is said."""

import os

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Chat</title>
<h1>Chat</h1>
<p id="state">connecting</p>
<ul id="said"></ul>
<form id="say">
  <label>Say <input id="text" autocomplete="off" required></label>
  <button>Send</button>
</form>
<script>
  const show = (id, text) => { document.getElementById(id).textContent = text; };
  const socket = new WebSocket("ADDRESS");
  socket.onopen = () => show("state", "connected");
  socket.onclose = () => show("state", "gone");
  socket.onmessage = ({ data }) => {
    const line = document.createElement("li");
    line.textContent = data;
    document.getElementById("said").append(line);
  };
  document.getElementById("say").onsubmit = (event) => {
    event.preventDefault();
    const text = document.getElementById("text");
    socket.send(JSON.stringify({ action: "say", text: text.value }));
    text.value = "";
  };
</script>
"""


def handler(event, context):
    """Answer with the page."""
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "text/html; charset=utf-8"},
        "body": PAGE.replace("ADDRESS", os.environ["CHAT_ADDRESS"]),
    }
