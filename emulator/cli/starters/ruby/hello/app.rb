# Returns a greeting for the name in the event.
def handler(event:, context:)
  name = event['name'] || 'you'
  puts "greeting #{name}"
  { message: "Hello, #{name}!" }
end
