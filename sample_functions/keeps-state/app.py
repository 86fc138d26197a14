"""The classic bug: what lives at module level outlives the request, and the next caller sees it."""

cart = []  # one per environment, not one per customer


def handler(event, context):
    cart.append(event.get("item", "umbrella"))
    return {"customer": event.get("customer", "somebody"), "cart": cart}
