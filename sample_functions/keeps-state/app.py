"""The classic bug: a list at module level outlives the call, and the next caller sees it."""

cart = []  # one per environment, not one per customer


def handler(event, context):
    cart.append(event.get("item", "umbrella"))
    return {"customer": event.get("customer", "somebody"), "cart": cart}
