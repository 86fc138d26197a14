# Hello in Ruby.
def handler(event:, context:)
  name = event['name'] || 'you'
  puts "greeting #{name}"
  { message: "Hello, #{name}!" }
end
